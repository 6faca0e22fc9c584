// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// How many processors a single request can use: by simulation, so that it can be told on a machine that has few.

#include <cstdio>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "tests/bench/bench_main.h"
#include "tests/bench/engine_cases.h"
#include "tests/bench/engine_request.h"
#include "tests/bench/timed_parallel.h"

ABSL_FLAG(std::string, filter, "", "Only cases whose name contains this.");
ABSL_FLAG(double, loop_us, 20, "What sharing out a loop costs in all, in microseconds.");
ABSL_FLAG(int, rounds, 5, "Runs of each case, of which the fastest counts.");

namespace lossd::bench {
namespace {

constexpr char kUsage[] =
    "Tells how much faster one request would be on more processors. Runs every loss on one thread, times each\n"
    "iteration of its loops, and lays them out on so many processors. Leaves out that processors share a bus.\n"
    "Usage: scaling_bench [--filter=TEXT] [--loop_us=20] [--rounds=5]";
constexpr int kProcessors[] = {2, 4, 8, 16, 32, 64};

// The fastest of several runs on one thread, cut for so many processors.
TimedParallel FastestRun(BareLoss& loss, int64_t processors) {
  TimedParallel fastest;
  for (int round = 0; round < absl::GetFlag(FLAGS_rounds); ++round) {
    TimedParallel parallel(processors);
    parallel.Time([&] { loss.Compute(parallel); });
    if (round == 0 || parallel.seconds() < fastest.seconds()) fastest = std::move(parallel);
  }
  return fastest;
}

void PrintCase(const EngineCase& bench_case) {
  EngineRequest request(bench_case, 1);
  BareLoss loss(request);
  const double alone = FastestRun(loss, 1).seconds();
  const SharingCost cost = {.loop_seconds = absl::GetFlag(FLAGS_loop_us) * 1e-6};
  std::string speedups;
  int64_t loops = 0;
  for (const int processors : kProcessors) {
    const TimedParallel run = FastestRun(loss, processors);
    absl::StrAppendFormat(&speedups, " %6.2f", alone / run.SecondsOn(processors, cost));
    loops = run.loops();
  }
  std::puts(absl::StrFormat("%-44s %10.3f %6d%s", bench_case.name, alone * 1e3, loops, speedups).c_str());
  std::fflush(stdout);
}

int Run() {
  std::string header = absl::StrFormat("%-44s %10s %6s", "speed-up of one request", "1 thread ms", "loops");
  for (const int processors : kProcessors) absl::StrAppendFormat(&header, " %6d", processors);
  std::puts(header.c_str());
  for (const EngineCase& bench_case : EngineCases()) {
    if (bench_case.is_large || !absl::StrContains(bench_case.name, absl::GetFlag(FLAGS_filter))) continue;
    PrintCase(bench_case);
  }
  return 0;
}

}  // namespace
}  // namespace lossd::bench

int main(int argc, char** argv) { return lossd::bench::BenchMain(argc, argv, lossd::bench::kUsage, lossd::bench::Run); }
