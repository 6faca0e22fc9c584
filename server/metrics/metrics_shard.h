// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// How threads count beside each other: in shards that whoever reads adds up.

#ifndef LOSSD_SERVER_METRICS_METRICS_SHARD_H_
#define LOSSD_SERVER_METRICS_METRICS_SHARD_H_

#include <atomic>
#include <cstddef>

namespace lossd {

// Of the threads that count anything, the first have a shard each for themselves, where nothing need be atomic but for
// who reads meanwhile; the others share the last ones:
//
//    shards      0   1   2   3   4   5   6   7 | 8   9  10  11  12  13  14  15
//    threads     1st 2nd ...             8th   | the 9th, 17th, ... in the first of these, and so on in turn
//
// A shard is a thread's for the life of the process: one that ends leaves it unused, and threads that come and go share
// the last ones before long.
struct MetricsShard {
  static constexpr size_t kOwned = 8;
  static constexpr size_t kCount = 16;

  size_t index = 0;  // < kCount
  bool owned = false;

  // The calling thread's.
  static MetricsShard Mine() {
    static std::atomic<size_t> threads = 0;
    thread_local const size_t thread = threads.fetch_add(1, std::memory_order_relaxed);
    if (thread < kOwned) return {thread, true};
    return {kOwned + thread % (kCount - kOwned), false};
  }

  // Adds to a number of this shard. Precondition: this is the calling thread's. Reading all shards meanwhile sees each
  // number as it was before or after.
  template <typename Number>
  void Add(Number value, std::atomic<Number>& number) const {
    if (owned) {
      number.store(number.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
    } else {
      number.fetch_add(value, std::memory_order_relaxed);
    }
  }
};

}  // namespace lossd

#endif  // LOSSD_SERVER_METRICS_METRICS_SHARD_H_
