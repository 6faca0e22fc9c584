// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Metrics of one kind by family and labels. They are made before anything is counted, so that counting looks nothing
// up:
//
//   MetricFamilies<ShardedCounter> counters;
//   ShardedCounter& calls = counters.Add("lossd_calls_total", "Calls that came in.", {{"method", "Compute"}});
//   calls.Add();

#ifndef LOSSD_SERVER_METRICS_METRICS_FAMILIES_H_
#define LOSSD_SERVER_METRICS_METRICS_FAMILIES_H_

#include <algorithm>
#include <cstddef>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "prometheus/client_metric.h"
#include "prometheus/labels.h"
#include "prometheus/metric_family.h"

namespace lossd {

// To be read at each scrape. `Metric` has kType, its prometheus::MetricType, and Fill, which writes what was counted
// into a prometheus::ClientMetric. Collect() is as thread-safe as Fill; Add() is not, and comes before all of it.
template <typename Metric>
class MetricFamilies {
 public:
  // A new metric, made of `arguments`, which lives as long as this and does not move. Those of one name are one family,
  // with the help of the first. That no two of a family have the same labels is the caller's to see to.
  template <typename... Arguments>
  Metric& Add(const std::string& name, const std::string& help, const prometheus::Labels& labels,
              Arguments&&... arguments) {
    const auto family = std::find_if(families_.begin(), families_.end(),
                                     [&](const prometheus::MetricFamily& other) { return other.name == name; });
    const auto index = static_cast<size_t>(family - families_.begin());
    if (family == families_.end()) families_.push_back({name, help, Metric::kType, {}});
    return series_.emplace_back(index, labels, std::forward<Arguments>(arguments)...).metric;
  }

  // All of them as they are now, in the order in which families were added, for prometheus::TextSerializer. Allocates,
  // in proportion to what there is.
  std::vector<prometheus::MetricFamily> Collect() const {
    std::vector<prometheus::MetricFamily> families = families_;
    for (const Series& series : series_) {
      prometheus::ClientMetric& read = families[series.family].metric.emplace_back();
      read.label = series.labels;
      series.metric.Fill(read);
    }
    return families;
  }

 private:
  // A metric with the labels as Collect gives them, made once.
  struct Series {
    template <typename... Arguments>
    Series(size_t family_index, const prometheus::Labels& names, Arguments&&... arguments)
        : family(family_index), metric(std::forward<Arguments>(arguments)...) {
      for (const auto& [name, value] : names) labels.push_back({name, value});
    }

    size_t family;  // Index into families_.
    std::vector<prometheus::ClientMetric::Label> labels;
    Metric metric;
  };

  std::vector<prometheus::MetricFamily> families_;  // Without metrics.
  std::deque<Series> series_;                       // Its elements do not move.
};

}  // namespace lossd

#endif  // LOSSD_SERVER_METRICS_METRICS_FAMILIES_H_
