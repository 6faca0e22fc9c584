// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Counters that threads count up without waiting for each other, and their families.

#ifndef LOSSD_SERVER_METRICS_COUNTER_H_
#define LOSSD_SERVER_METRICS_COUNTER_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "prometheus/client_metric.h"
#include "prometheus/collectable.h"
#include "prometheus/labels.h"
#include "prometheus/metric_family.h"
#include "server/metrics_shard.h"

namespace lossd {

// A number that grows. Thread-safe.
class ShardedCounter {
 public:
  // `count` >= 0.
  void Add(int64_t count = 1) {
    const MetricsShard shard = MetricsShard::Mine();
    shard.Add(count, shards_[shard.index]);
  }

  // All that was added so far.
  int64_t Read() const;

 private:
  std::array<std::atomic<int64_t>, MetricsShard::kCount> shards_ = {};
};

// Counters by family and labels, to be read at each scrape. Collect() is thread-safe, and so are the counters; Add() is
// not.
class ShardedCounters final : public prometheus::Collectable {
 public:
  // A new counter, which lives as long as this. Those of one name are one family, with the help of the first.
  ShardedCounter& Add(const std::string& name, const std::string& help, const prometheus::Labels& labels);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  struct Series {
    size_t family;  // Index into families_.
    std::vector<prometheus::ClientMetric::Label> labels;
    ShardedCounter counter = {};
  };

  std::vector<prometheus::MetricFamily> families_;  // Without metrics.
  std::deque<Series> series_;                       // Its elements do not move.
};

}  // namespace lossd

#endif  // LOSSD_SERVER_METRICS_COUNTER_H_
