// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/contenders.h"

#include <time.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <numeric>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace lossd::bench {
namespace {

// Shortest time of a sample that the clock and the loop around the work do not disturb.
constexpr double kSampleSeconds = 2e-3;
// Time of a turn in which several samples are taken.
constexpr double kTurnSeconds = 30e-3;
constexpr int kMostRounds = 1000;

clockid_t clock_id = CLOCK_MONOTONIC;
volatile std::sig_atomic_t stopped = 0;

double Run(const Contender& contender, int repetitions) {
  if (stopped != 0) throw TimingStopped();
  return contender.run(repetitions);
}

// Work that takes longer is done once.
constexpr double kLongSeconds = 5;

// What a contender does in a turn.
struct Pace {
  double first;     // Seconds of its first run.
  int repetitions;  // In a sample.
  int samples;
  double turn_seconds;
};

Pace PaceOf(const Contender& contender) {
  const double first = Run(contender, 1);
  if (first > kLongSeconds) return {first, 0, 0, 0};
  const double once = std::max(Run(contender, 1), 1e-9);
  const int repetitions = std::max(1, static_cast<int>(kSampleSeconds / once));
  const int samples = std::max(1, static_cast<int>(kTurnSeconds / (once * repetitions)));
  return {first, repetitions, samples, once * repetitions * samples};
}

void TakeTurn(const Contender& contender, const Pace& pace, std::vector<double>& samples) {
  if (pace.samples > 1) Run(contender, pace.repetitions);  // Caches and threads are those of another.
  for (int i = 0; i < pace.samples; ++i) samples.push_back(Run(contender, pace.repetitions) / pace.repetitions);
}

}  // namespace

void StopTiming() { stopped = 1; }

void SetBenchClock(BenchClock clock) {
  clock_id = clock == BenchClock::kElapsed ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID;
}

double Now() {
  timespec time;
  clock_gettime(clock_id, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

std::function<double(int)> Repeated(std::function<void()> work) {
  return [work = std::move(work)](int repetitions) {
    const double begin = Now();
    for (int i = 0; i < repetitions; ++i) work();
    return Now() - begin;
  };
}

std::vector<Timing> TimeInTurns(const std::vector<Contender>& contenders, const Turns& turns) {
  std::vector<Pace> paces;
  double round_seconds = 0;
  for (const Contender& contender : contenders) {
    paces.push_back(PaceOf(contender));
    round_seconds += turns.pause + paces.back().turn_seconds;
  }
  const int rounds =
      static_cast<int>(std::clamp<double>(turns.seconds / round_seconds, turns.least_rounds, kMostRounds));
  std::vector<std::vector<double>> samples(contenders.size());
  for (size_t i = 0; i < paces.size(); ++i) {
    if (paces[i].samples == 0) samples[i].push_back(paces[i].first);
  }
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < contenders.size(); ++i) {
      if (paces[i].samples == 0) continue;
      absl::SleepFor(absl::Seconds(turns.pause));
      TakeTurn(contenders[i], paces[i], samples[i]);
    }
  }
  std::vector<Timing> timings;
  for (std::vector<double>& sample : samples) {
    std::sort(sample.begin(), sample.end());
    const double sum = std::accumulate(sample.begin(), sample.end(), 0.0);
    timings.push_back({sample.front(), sample[sample.size() / 2], sum / static_cast<double>(sample.size())});
  }
  return timings;
}

}  // namespace lossd::bench
