// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Histograms that threads observe without waiting for each other, and their families.

#ifndef LOSSD_SERVER_METRICS_METRICS_HISTOGRAM_H_
#define LOSSD_SERVER_METRICS_METRICS_HISTOGRAM_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "prometheus/client_metric.h"
#include "prometheus/metric_type.h"
#include "server/metrics/metrics_families.h"
#include "server/metrics/metrics_shard.h"

namespace lossd {

// Finds a value's bucket among finite and strictly increasing bounds: the first whose bound is not below it. Starts at
// the value's power of two, within which there are a few bounds at most. Immutable, and so thread-safe.
class BucketFinder {
 public:
  // `bounds` may be empty: all values are above them.
  explicit BucketFinder(std::vector<double> bounds);

  // bounds().size() for a value above all. `value` is not NaN.
  size_t Find(double value) const {
    size_t bucket = value > 0 ? first_[OctaveOf(value)] : 0;
    while (bucket < bounds_.size() && bounds_[bucket] < value) ++bucket;
    return bucket;
  }
  const std::vector<double>& bounds() const { return bounds_; }

 private:
  // Smaller values are looked for among all bounds, larger ones among those from the last octave on.
  static constexpr int kLeastExponent = -32;
  static constexpr size_t kOctaves = 64;

  // Of a value > 0, by the exponent of the power of two that is not above it.
  static size_t OctaveOf(double value) {
    constexpr int kMantissaBits = 52;
    constexpr int kExponentBias = 1023;
    const int exponent = static_cast<int>(std::bit_cast<uint64_t>(value) >> kMantissaBits) - kExponentBias;
    return static_cast<size_t>(std::clamp(exponent - kLeastExponent, 0, static_cast<int>(kOctaves) - 1));
  }

  std::vector<double> bounds_;
  std::array<size_t, kOctaves> first_ = {};  // By octave, the first bound that is not below it.
};

// Counts of observations by bucket, and their sum. prometheus::Histogram takes a lock for each observation and searches
// its buckets from the first to the last; a call makes nine. Here threads count in shards, most of them in one of their
// own. Thread-safe.
class ShardedHistogram {
 public:
  static constexpr prometheus::MetricType kType = prometheus::MetricType::Histogram;

  // `bounds`: finite and strictly increasing; bucket i holds what is above bounds[i - 1] and at most bounds[i], and the
  // last one what is above all.
  explicit ShardedHistogram(std::vector<double> bounds);

  // Takes no lock, allocates nothing.
  // `value` is not NaN.
  void Observe(double value);

  // What was observed so far, with cumulative counts as in Prometheus's text. An observation by another thread
  // meanwhile may be missing, wholly or from the sum alone; the count is always that of the buckets.
  prometheus::ClientMetric::Histogram Read() const;
  void Fill(prometheus::ClientMetric& metric) const { metric.histogram = Read(); }

 private:
  // Its own cache lines, so that threads do not take them from each other.
  struct alignas(64) Shard {
    std::unique_ptr<std::atomic<uint64_t>[]> counts;  // By bucket.
    std::atomic<double> sum = 0;
  };

  const BucketFinder buckets_;
  std::array<Shard, MetricsShard::kCount> shards_;
};

using ShardedHistograms = MetricFamilies<ShardedHistogram>;

}  // namespace lossd

#endif  // LOSSD_SERVER_METRICS_METRICS_HISTOGRAM_H_
