// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/contenders.h"

#include <time.h>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace lossd::bench {
namespace {

// Shortest time of a round that the clock and the loop around the work do not disturb.
constexpr double kRoundSeconds = 2e-3;
constexpr int kMostRounds = 1000;

clockid_t clock_id = CLOCK_MONOTONIC;

}  // namespace

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

std::vector<Timing> TimeInTurns(const std::vector<Contender>& contenders, double seconds, int least_rounds) {
  std::vector<int> repetitions;
  double round_seconds = 0;
  for (const Contender& contender : contenders) {
    contender.run(1);
    const double once = std::max(contender.run(1), 1e-9);
    repetitions.push_back(std::max(1, static_cast<int>(kRoundSeconds / once)));
    round_seconds += once * repetitions.back();
  }
  const int rounds = std::clamp(static_cast<int>(seconds / round_seconds), least_rounds, kMostRounds);
  std::vector<std::vector<double>> samples(contenders.size());
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < contenders.size(); ++i) {
      samples[i].push_back(contenders[i].run(repetitions[i]) / repetitions[i]);
    }
  }
  std::vector<Timing> timings;
  for (std::vector<double>& sample : samples) {
    std::sort(sample.begin(), sample.end());
    timings.push_back({sample.front(), sample[sample.size() / 2]});
  }
  return timings;
}

}  // namespace lossd::bench
