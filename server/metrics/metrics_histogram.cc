// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/metrics_histogram.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <utility>

namespace lossd {

BucketFinder::BucketFinder(std::vector<double> bounds) : bounds_(std::move(bounds)) {
  // Of the first octave nothing is known: smaller values count as of it, too.
  for (size_t octave = 1; octave < kOctaves; ++octave) {
    const double least = std::ldexp(1.0, kLeastExponent + static_cast<int>(octave));
    first_[octave] = static_cast<size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), least) - bounds_.begin());
  }
}

ShardedHistogram::ShardedHistogram(std::vector<double> bounds) : buckets_(std::move(bounds)) {
  for (Shard& shard : shards_) shard.counts = std::make_unique<std::atomic<uint64_t>[]>(buckets_.bounds().size() + 1);
}

void ShardedHistogram::Observe(double value) {
  const MetricsShard mine = MetricsShard::Mine();
  Shard& shard = shards_[mine.index];
  mine.Add<uint64_t>(1, shard.counts[buckets_.Find(value)]);
  mine.Add(value, shard.sum);
}

prometheus::ClientMetric::Histogram ShardedHistogram::Read() const {
  const std::vector<double>& bounds = buckets_.bounds();
  prometheus::ClientMetric::Histogram histogram;
  for (size_t bucket = 0; bucket <= bounds.size(); ++bucket) {
    for (const Shard& shard : shards_) {
      histogram.sample_count += shard.counts[bucket].load(std::memory_order_relaxed);
    }
    const double bound = bucket < bounds.size() ? bounds[bucket] : std::numeric_limits<double>::infinity();
    histogram.bucket.push_back({histogram.sample_count, bound});
  }
  for (const Shard& shard : shards_) histogram.sample_sum += shard.sum.load(std::memory_order_relaxed);
  return histogram;
}

}  // namespace lossd
