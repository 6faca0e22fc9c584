// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Counters that threads count up without waiting for each other, and their families.

#ifndef LOSSD_SERVER_METRICS_METRICS_COUNTER_H_
#define LOSSD_SERVER_METRICS_METRICS_COUNTER_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "prometheus/client_metric.h"
#include "prometheus/metric_type.h"
#include "server/metrics/metrics_families.h"
#include "server/metrics/metrics_shard.h"

namespace lossd {

// A number that grows, by whole numbers. Each thread adds to a shard, its own as long as there are enough
// (MetricsShard); reading adds the shards up, and may miss what is being added meanwhile. Takes 128 bytes, and does not
// move. Thread-safe.
class ShardedCounter {
 public:
  static constexpr prometheus::MetricType kType = prometheus::MetricType::Counter;

  // `count` >= 0. Takes no lock, and waits for nobody.
  void Add(int64_t count = 1) {
    const MetricsShard shard = MetricsShard::Mine();
    shard.Add(count, shards_[shard.index]);
  }

  // All that was added so far.
  int64_t Read() const;
  // As MetricFamilies asks for it; exact up to 2^53.
  void Fill(prometheus::ClientMetric& metric) const { metric.counter.value = static_cast<double>(Read()); }

 private:
  std::array<std::atomic<int64_t>, MetricsShard::kCount> shards_ = {};
};

using ShardedCounters = MetricFamilies<ShardedCounter>;

}  // namespace lossd

#endif  // LOSSD_SERVER_METRICS_METRICS_COUNTER_H_
