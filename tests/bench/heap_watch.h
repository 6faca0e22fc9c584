// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Counts what the whole process takes from the heap and in anonymous mappings of its own. Linking it replaces malloc,
// mmap and their relatives.

#ifndef LOSSD_TESTS_BENCH_HEAP_WATCH_H_
#define LOSSD_TESTS_BENCH_HEAP_WATCH_H_

#include <cstdint>

namespace lossd::bench {

// Since the last StartHeapWatch, over all threads.
struct HeapUse {
  int64_t allocations = 0;  // Calls that returned memory.
  int64_t bytes = 0;        // That they returned in all.
  int64_t peak_bytes = 0;   // Most bytes in use beyond those at the start.
};

void StartHeapWatch();
HeapUse ReadHeapWatch();

}  // namespace lossd::bench

#endif  // LOSSD_TESTS_BENCH_HEAP_WATCH_H_
