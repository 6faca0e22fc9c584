// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The engine bench's results for programs.

#ifndef LOSSD_TESTS_BENCH_ENGINE_JSON_H_
#define LOSSD_TESTS_BENCH_ENGINE_JSON_H_

#include <string>

#include "tests/bench/engine_row.h"

namespace lossd::bench {

// {"machine": ..., "cases": [...], "beside_neighbour": [...]}; times in seconds, sizes in bytes; null: not run.
std::string Json(const EngineReport& report);

}  // namespace lossd::bench

#endif  // LOSSD_TESTS_BENCH_ENGINE_JSON_H_
