// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Histograms that threads observe without waiting for each other, and their families.

#ifndef LOSSD_SERVER_METRICS_HISTOGRAM_H_
#define LOSSD_SERVER_METRICS_HISTOGRAM_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "prometheus/client_metric.h"
#include "prometheus/collectable.h"
#include "prometheus/labels.h"
#include "prometheus/metric_family.h"

namespace lossd {

// Counts of observations by bucket, and their sum. prometheus::Histogram takes a lock for each observation and searches
// its buckets from the first to the last; a call makes nine. Here threads count in shards, most of them in one of their
// own, where nothing need be atomic but for who reads meanwhile; and whoever reads adds the shards up. Thread-safe.
class ShardedHistogram {
 public:
  // `bounds`: finite and strictly increasing; bucket i holds what is above bounds[i - 1] and at most bounds[i], and the
  // last one what is above all.
  explicit ShardedHistogram(std::vector<double> bounds);

  // `value` is not NaN.
  void Observe(double value);

  // What was observed so far, with cumulative counts as in Prometheus's text. An observation by another thread
  // meanwhile may be missing, wholly or from the sum alone; the count is always that of the buckets.
  prometheus::ClientMetric::Histogram Read() const;

 private:
  // Of the threads that observe anything, the first have a shard each for themselves; the others share the last ones.
  static constexpr size_t kOwnedShards = 8;
  static constexpr size_t kShards = 16;

  // Its own cache lines, so that threads do not take them from each other.
  struct alignas(64) Shard {
    std::unique_ptr<std::atomic<uint64_t>[]> counts;  // By bucket.
    std::atomic<double> sum = 0;
  };

  const std::vector<double> bounds_;
  std::array<Shard, kShards> shards_;
};

// Histograms by family and labels, to be read at each scrape. Collect() is thread-safe, and so are the histograms;
// Add() is not.
class ShardedHistograms final : public prometheus::Collectable {
 public:
  // A new histogram, which lives as long as this. Those of one name are one family, with the help of the first.
  ShardedHistogram& Add(const std::string& name, const std::string& help, const prometheus::Labels& labels,
                        std::vector<double> bounds);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  struct Series {
    Series(size_t family_index, const prometheus::Labels& names, std::vector<double> bounds);

    size_t family;  // Index into families_.
    std::vector<prometheus::ClientMetric::Label> labels;
    ShardedHistogram histogram;
  };

  std::vector<prometheus::MetricFamily> families_;  // Without metrics.
  std::deque<Series> series_;                       // Its elements do not move.
};

}  // namespace lossd

#endif  // LOSSD_SERVER_METRICS_HISTOGRAM_H_
