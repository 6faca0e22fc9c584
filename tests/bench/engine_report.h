// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What the engine bench found, as a table, as JSON and as a page with a plot.

#ifndef LOSSD_TESTS_BENCH_ENGINE_REPORT_H_
#define LOSSD_TESTS_BENCH_ENGINE_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/contenders.h"

namespace lossd::bench {

// One case on so many threads. All timings were taken in turns.
struct EngineRow {
  std::string name;
  int threads = 1;
  double bound_flops = 0;
  Timing lossd;                   // A request through the back end.
  Timing bound;                   // Its matrix products alone, OpenBLAS.
  Timing own_bound;               // The same, lossd's product.
  std::optional<Timing> loss;     // The loss alone, without the back end.
  std::optional<Timing> eager;    // Eager PyTorch.
  std::optional<Timing> crowded;  // Like `lossd`, beside a thread that spins.
  double goal = 0;                // Highest lossd over bound; 0: none.
  double goal_us = 0;             // Highest microseconds of `loss`; 0: none.
  int64_t extra_bytes = 0;        // Peak beyond inputs, outputs and gradients.
  double allocations = 0;         // A request, once warm.
};

std::string TableHeader();
std::string TableLine(const EngineRow& row);
// An array of objects, seconds and bytes.
std::string Json(const std::vector<EngineRow>& rows);
// A page that stands alone: the table, and time over size, both logarithmic.
std::string Html(const std::vector<EngineRow>& rows, const std::string& machine);

}  // namespace lossd::bench

#endif  // LOSSD_TESTS_BENCH_ENGINE_REPORT_H_
