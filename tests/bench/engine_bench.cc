// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Measures the engine: whole requests through the back end, without a network, against the matrix products that they
// cannot avoid, and against PyTorch.

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/engine/gemm_precision.h"
#include "tests/bench/bench_main.h"
#include "tests/bench/contenders.h"
#include "tests/bench/engine_cases.h"
#include "tests/bench/engine_json.h"
#include "tests/bench/engine_measure.h"
#include "tests/bench/engine_page.h"
#include "tests/bench/engine_row.h"
#include "tests/bench/engine_table.h"
#include "tests/bench/gemm_bound.h"
#include "tests/bench/torch_worker.h"

ABSL_FLAG(std::string, filter, "", "Only cases whose name contains this.");
ABSL_FLAG(std::vector<std::string>, threads, std::vector<std::string>({"1", "2"}), "Numbers of threads to measure.");
ABSL_FLAG(double, seconds, 4, "About how long a case runs on each number of threads.");
ABSL_FLAG(bool, large, false, "Also the cases that take minutes.");
ABSL_FLAG(bool, neighbour, true, "Also some cases on two threads beside a process that wants a processor.");
ABSL_FLAG(bool, processor_time, false,
          "Count processor time instead of elapsed time, on one thread: for machines on which others compute.");
ABSL_FLAG(bool, bf16, true, "Also lossd with matrix products in bf16, where the processor has them.");
ABSL_FLAG(bool, torch, true, "Also PyTorch: the reference's formulas, and the losses rewritten by hand.");
ABSL_FLAG(
    std::string, torch_python, "/usr/bin/python3",
    "A Python interpreter with torch and numpy, for all that is PyTorch's. By default Debian's, whose OpenBLAS does "
    "not know newer processors and which has no torch.compile; better one with PyPI's torch, 2 or newer.");
ABSL_FLAG(std::string, json, "", "Write the results here.");
ABSL_FLAG(std::string, html, "", "Write a page with plots here.");

namespace lossd::bench {
namespace {

constexpr char kUsage[] =
    "Measures the engine without a network. Contenders of a case take turns in one run, on equally many threads:\n"
    "  lossd      whole requests through the back end: loss and all gradients\n"
    "  bound      the matrix products alone that the loss cannot avoid, each in its fastest layout: by OpenBLAS, by\n"
    "             lossd's own, by PyTorch's (MKL where it is from PyPI); the fastest of them counts\n"
    "  reference  the reference's formulas in eager PyTorch with autograd\n"
    "  by hand    the same loss rewritten in torch operations, the fastest of several variants\n"
    "  compiled   that through torch.compile\n"
    "All must find the same loss and length of the gradient. Ratios are of the smallest times, unless they say\n"
    "median. Ctrl-C ends the run and reports what was finished.\n"
    "Usage: engine_bench [--filter=TEXT] [--threads=1,2] [--json=FILE] [--html=FILE] ...; all flags: --helpfull";

// Says on the terminal what is being measured, until something else is printed.
void ShowProgress(const std::string& text) {
  if (isatty(STDERR_FILENO) != 0) std::fprintf(stderr, "\r\033[K%s", text.c_str());
}

// One thing to measure.
struct Step {
  std::string what;
  std::function<void(const EngineLab&, EngineReport&)> measure;
};

// The case of CPC in which the contrast weighs most.
constexpr CpcContrastShape kContrastPart = {.batch = 8, .height = 14, .width = 14, .dim = 64};

bool IsChosen(const std::string& name) { return absl::StrContains(name, absl::GetFlag(FLAGS_filter)); }

void Print(const std::string& text) {
  ShowProgress("");
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

void AddRow(EngineRow row, EngineReport& report) {
  report.rows.push_back(std::move(row));
  Print(TableLine(report.rows.back(), FindSingle(report.rows, report.rows.back())));
}

void AddNeighbour(NeighbourRow row, EngineReport& report) {
  if (report.neighbours.empty()) Print(NeighbourHeader());
  report.neighbours.push_back(std::move(row));
  Print(NeighbourLine(report.neighbours.back()));
}

std::vector<Step> ChosenSteps() {
  std::vector<Step> steps, beside;
  const bool processor_time = absl::GetFlag(FLAGS_processor_time);
  for (const EngineCase& bench_case : EngineCases()) {
    if ((bench_case.is_large && !absl::GetFlag(FLAGS_large)) || !IsChosen(bench_case.name)) continue;
    for (const std::string& text : absl::GetFlag(FLAGS_threads)) {
      int threads = 1;
      if (!absl::SimpleAtoi(text, &threads) || threads < 1 || (processor_time && threads > 1)) continue;
      steps.push_back(
          {absl::StrCat(bench_case.name, ", threads: ", threads),
           [=](const EngineLab& lab, EngineReport& report) { AddRow(MeasureCase(bench_case, threads, lab), report); }});
    }
    if (bench_case.neighbour && absl::GetFlag(FLAGS_neighbour) && !processor_time) {
      beside.push_back(
          {absl::StrCat(bench_case.name, " beside a neighbour"), [=](const EngineLab& lab, EngineReport& report) {
             AddNeighbour(MeasureBesideNeighbour(bench_case, lab), report);
           }});
    }
  }
  if (IsChosen("contrast of cpc")) {
    steps.push_back({"contrast of cpc", [](const EngineLab& lab, EngineReport& report) {
                       AddRow(MeasureContrastPart(kContrastPart, lab), report);
                     }});
  }
  steps.insert(steps.end(), beside.begin(), beside.end());
  return steps;
}

void MeasureAll(const std::vector<Step>& steps, const EngineLab& lab, EngineReport& report) {
  for (size_t i = 0; i < steps.size(); ++i) {
    ShowProgress(absl::StrFormat("[%d/%d] %s ...", i + 1, steps.size(), steps[i].what));
    steps[i].measure(lab, report);
  }
}

void WriteFile(const std::string& path, const std::string& content) {
  if (!path.empty()) std::ofstream(path) << content;
}

std::string MachineText(const OpenBlas& blas, const TorchWorker* torch) {
  std::string text =
      absl::StrCat(std::thread::hardware_concurrency(), " processors, OpenBLAS kernels for ", blas.core_name());
  if (torch != nullptr) absl::StrAppend(&text, "; PyTorch: ", torch->version());
  if (absl::GetFlag(FLAGS_processor_time)) absl::StrAppend(&text, "; processor time");
  return text;
}

// Ctrl-C, or a time limit from outside, ends the run; a second one ends the process.
void HandleStop(int signal) {
  StopTiming();
  std::signal(signal, SIG_DFL);
}

int Run(const std::string& scripts) {
  const std::vector<Step> steps = ChosenSteps();
  if (steps.empty()) {
    std::fprintf(stderr, "engine_bench: no case to measure with these --filter, --threads and --large\n");
    return 1;
  }
  const BenchClock clock = absl::GetFlag(FLAGS_processor_time) ? BenchClock::kProcessor : BenchClock::kElapsed;
  SetBenchClock(clock);
  ShortenOpenBlasSpinning();
  const OpenBlas blas;
  EngineLab lab = {
      .blas = &blas, .bf16 = absl::GetFlag(FLAGS_bf16) && HasBf16Products(), .seconds = absl::GetFlag(FLAGS_seconds)};
  std::unique_ptr<TorchWorker> torch;
  if (absl::GetFlag(FLAGS_torch)) {
    torch = std::make_unique<TorchWorker>(absl::GetFlag(FLAGS_torch_python), scripts + "/torch_worker.py", clock);
    lab.torch = torch.get();
  }
  EngineReport report;
  report.machine = MachineText(blas, lab.torch);
  Print(absl::StrCat(report.machine, "\n", TableHeader()));
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, HandleStop);
  int exit_code = 0;
  try {
    MeasureAll(steps, lab, report);
  } catch (const TimingStopped&) {
    exit_code = 130;
  } catch (const std::exception& error) {
    ShowProgress("");
    std::fprintf(stderr, "engine_bench: %s\n", error.what());
    exit_code = 1;
  }
  Print(absl::StrCat(Bf16Table(report), TableNotes(report)));
  WriteFile(absl::GetFlag(FLAGS_json), Json(report));
  WriteFile(absl::GetFlag(FLAGS_html), Page(report));
  return exit_code;
}

}  // namespace
}  // namespace lossd::bench

int main(int argc, char** argv) {
  return lossd::bench::BenchMain(argc, argv, lossd::bench::kUsage, [] { return lossd::bench::Run("tests/bench"); });
}
