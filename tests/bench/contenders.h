// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Times several ways to do the same work in turns, so that what else the machine does meets all of them alike.

#ifndef LOSSD_TESTS_BENCH_CONTENDERS_H_
#define LOSSD_TESTS_BENCH_CONTENDERS_H_

#include <functional>
#include <string>
#include <vector>

namespace lossd::bench {

// One way to do the work.
struct Contender {
  std::string name;
  // Does the work `repetitions` times and returns the seconds that took.
  std::function<double(int repetitions)> run;
};

// Seconds for the work once.
struct Timing {
  double min = 0;
  double median = 0;
};

// Runs the contenders in turns for about `seconds` in all, at least `least_rounds` rounds after one to warm up. Short
// work is repeated within a round. Returns a timing for each contender, in order.
std::vector<Timing> TimeInTurns(const std::vector<Contender>& contenders, double seconds, int least_rounds);

// Wraps a function that does the work once.
std::function<double(int)> Repeated(std::function<void()> work);

// Which seconds count.
enum class BenchClock {
  kElapsed,
  // What the processors worked for this process: figures for one thread that hold on a machine where others compute.
  kProcessor,
};

// To be called before anything is timed.
void SetBenchClock(BenchClock clock);

// Seconds of the clock since some fixed moment.
double Now();

}  // namespace lossd::bench

#endif  // LOSSD_TESTS_BENCH_CONTENDERS_H_
