// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What the engine bench found out.

#ifndef LOSSD_TESTS_BENCH_ENGINE_ROW_H_
#define LOSSD_TESTS_BENCH_ENGINE_ROW_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/contenders.h"
#include "tests/bench/engine_goals.h"

namespace lossd::bench {

// A contender in PyTorch.
struct TorchTiming {
  std::optional<Timing> timing;  // Absent: not run.
  std::string variant;           // Which variant was fastest; where not run: why.
};

// One case on so many threads. All timings were taken in turns.
struct EngineRow {
  std::string loss_title;
  std::string name;
  int threads = 1;
  double bound_flops = 0;
  std::string bound_text;           // Which products, in words.
  Timing lossd;                     // A request through the back end.
  Timing bound;                     // Its matrix products alone, OpenBLAS.
  std::optional<Timing> own_bound;  // The same, lossd's product. Absent: a large case.
  TorchTiming torch_bound;          // The same, by PyTorch's BLAS: MKL where it is from PyPI.
  std::optional<Timing> loss;       // The loss alone, without the back end.
  std::optional<Timing> bf16;       // Like `lossd`, with --compute_precision=bf16.
  double bf16_error = 0;            // Of its gradients: length of the difference over their length.
  TorchTiming reference;            // The reference's formulas, eager, with autograd.
  TorchTiming by_hand;              // Rewritten in torch operations.
  TorchTiming compiled;             // The same through torch.compile.
  EngineGoals goals;
  int64_t extra_bytes = 0;  // Peak beyond inputs, outputs and gradients.
  // Once warm: a request, and the loss alone within it.
  double allocations = 0;
  double allocated_bytes = 0;
  double loss_allocations = 0;

  // The fastest of the bounds.
  const Timing& best_bound() const {
    const Timing* best = &bound;
    for (const std::optional<Timing>* other : {&own_bound, &torch_bound.timing}) {
      if (other->has_value() && (*other)->min < best->min) best = &**other;
    }
    return *best;
  }
};

// Slowdowns beside a process that wants a processor all the time; all timings were taken in turns.
struct NeighbourRow {
  std::string name;
  int threads = 2;
  Timing lossd;
  Timing lossd_beside;
  std::optional<Timing> torch;  // The eager reference, on OpenMP threads.
  std::optional<Timing> torch_beside;
};

struct EngineReport {
  std::string machine;
  std::vector<EngineRow> rows;
  std::vector<NeighbourRow> neighbours;
};

// The row of the same case on one thread; null if there is none.
inline const EngineRow* FindSingle(const std::vector<EngineRow>& rows, const EngineRow& row) {
  for (const EngineRow& other : rows) {
    if (other.name == row.name && other.threads == 1) return &other;
  }
  return nullptr;
}

}  // namespace lossd::bench

#endif  // LOSSD_TESTS_BENCH_ENGINE_ROW_H_
