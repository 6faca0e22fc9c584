// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The engine bench's results as a web page.

#ifndef LOSSD_TESTS_BENCH_ENGINE_PAGE_H_
#define LOSSD_TESTS_BENCH_ENGINE_PAGE_H_

#include <string>

#include "tests/bench/engine_row.h"

namespace lossd::bench {

// A page that stands alone, light or dark as the reader prefers: time over size for each loss, and all figures.
std::string Page(const EngineReport& report);

}  // namespace lossd::bench

#endif  // LOSSD_TESTS_BENCH_ENGINE_PAGE_H_
