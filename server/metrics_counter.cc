// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/metrics_counter.h"

#include <algorithm>
#include <utility>

namespace lossd {

int64_t ShardedCounter::Read() const {
  int64_t total = 0;
  for (const std::atomic<int64_t>& shard : shards_) total += shard.load(std::memory_order_relaxed);
  return total;
}

ShardedCounter& ShardedCounters::Add(const std::string& name, const std::string& help,
                                     const prometheus::Labels& labels) {
  const auto family = std::find_if(families_.begin(), families_.end(),
                                   [&](const prometheus::MetricFamily& other) { return other.name == name; });
  const auto index = static_cast<size_t>(family - families_.begin());
  if (family == families_.end()) families_.push_back({name, help, prometheus::MetricType::Counter, {}});
  Series& series = series_.emplace_back();
  series.family = index;
  for (const auto& [label, value] : labels) series.labels.push_back({label, value});
  return series.counter;
}

std::vector<prometheus::MetricFamily> ShardedCounters::Collect() const {
  std::vector<prometheus::MetricFamily> families = families_;
  for (const Series& series : series_) {
    prometheus::ClientMetric metric;
    metric.label = series.labels;
    metric.counter.value = static_cast<double>(series.counter.Read());
    families[series.family].metric.push_back(std::move(metric));
  }
  return families;
}

}  // namespace lossd
