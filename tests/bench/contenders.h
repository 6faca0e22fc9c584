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
  double mean = 0;
};

// Thrown by TimeInTurns after StopTiming.
struct TimingStopped {};

struct Turns {
  double seconds = 1;    // About how long all of it takes.
  int least_rounds = 1;  // Whatever that takes.
  // Before each turn nothing runs for so many seconds: threads of the contender before may still spin for a while,
  // waiting for work.
  double pause = 0.01;
};

// Runs the contenders in turns, after two runs each to warm up. Short work is repeated within a sample, and several
// samples are taken in a turn. Work of many seconds is done once, and not in turns. Returns a timing for each
// contender, in order.
std::vector<Timing> TimeInTurns(const std::vector<Contender>& contenders, const Turns& turns);

// Makes TimeInTurns give up before its next contender. May be called in a signal handler.
void StopTiming();

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
