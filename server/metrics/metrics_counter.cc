// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/metrics_counter.h"

namespace lossd {

int64_t ShardedCounter::Read() const {
  int64_t total = 0;
  for (const std::atomic<int64_t>& shard : shards_) total += shard.load(std::memory_order_relaxed);
  return total;
}

}  // namespace lossd
