// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The engine bench's results as a table for a terminal of 120 columns. All functions return whole lines.

#ifndef LOSSD_TESTS_BENCH_ENGINE_TABLE_H_
#define LOSSD_TESTS_BENCH_ENGINE_TABLE_H_

#include <string>

#include "tests/bench/engine_row.h"

namespace lossd::bench {

// "2.34 us", three digits.
std::string TimeText(double seconds);

std::string TableHeader();
// `single`: the same case on one thread, or null.
std::string TableLine(const EngineRow& row, const EngineRow* single);

std::string NeighbourHeader();
std::string NeighbourLine(const NeighbourRow& row);

// lossd with matrix products in bf16 and without; empty where that was not measured.
std::string Bf16Table(const EngineReport& report);

// Goals that were missed, what the bounds are, and contenders that were not run.
std::string TableNotes(const EngineReport& report);

}  // namespace lossd::bench

#endif  // LOSSD_TESTS_BENCH_ENGINE_TABLE_H_
