// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What the engine aims at, and whether a row of the bench gets there.

#ifndef LOSSD_TESTS_BENCH_ENGINE_GOALS_H_
#define LOSSD_TESTS_BENCH_ENGINE_GOALS_H_

#include <string>
#include <vector>

namespace lossd::bench {

struct EngineRow;

// Limits on ratios of smallest times, on memory, on a time.
struct EngineGoals {
  double bound = 0;         // Highest lossd over its products by whoever is fastest; 0: none.
  double microseconds = 0;  // Highest time of the loss alone, on one thread; 0: none.
  double reference = 2;     // Lowest eager reference over lossd.
  double extra_bytes = 0;   // Most memory beyond inputs and results; 0: 16 MB a thread.
};

struct GoalVerdict {
  std::string text;  // "lossd / bound 1.31 (at most 1.25)".
  bool met = false;
};

// A verdict on each goal that the row has figures for. `single` is the same case on one thread, or null.
std::vector<GoalVerdict> JudgeGoals(const EngineRow& row, const EngineRow* single);

}  // namespace lossd::bench

#endif  // LOSSD_TESTS_BENCH_ENGINE_GOALS_H_
