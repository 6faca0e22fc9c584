// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Measures cases of the engine bench.

#ifndef LOSSD_TESTS_BENCH_ENGINE_MEASURE_H_
#define LOSSD_TESTS_BENCH_ENGINE_MEASURE_H_

#include <optional>

#include "core/losses/cpc/cpc_contrast.h"
#include "tests/bench/engine_cases.h"
#include "tests/bench/engine_row.h"
#include "tests/bench/gemm_bound.h"
#include "tests/bench/torch_worker.h"

namespace lossd::bench {

// What measuring takes. Borrowed.
struct EngineLab {
  const OpenBlas* blas = nullptr;
  TorchWorker* torch = nullptr;  // For the reference, by hand and compiled; null: without.
  bool bf16 = false;             // Whether also with matrix products in bf16.
  double seconds = 4;            // About how long the contenders of a case run.
};

// Measures a case on so many threads. Throws std::runtime_error where a contender finds another loss, or gradients of
// another length, than lossd; TimingStopped after StopTiming.
EngineRow MeasureCase(const EngineCase& bench_case, int threads, const EngineLab& lab);

// Measures CPC's contrast without its network on one thread, as lossd's alone, without a back end.
EngineRow MeasureContrastPart(const CpcContrastShape& shape, const EngineLab& lab);

// Measures a case on two threads, alone and beside a process that spins.
NeighbourRow MeasureBesideNeighbour(const EngineCase& bench_case, const EngineLab& lab);

}  // namespace lossd::bench

#endif  // LOSSD_TESTS_BENCH_ENGINE_MEASURE_H_
