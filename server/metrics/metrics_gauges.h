// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Values that are read only when someone asks for them.

#ifndef LOSSD_SERVER_METRICS_METRICS_GAUGES_H_
#define LOSSD_SERVER_METRICS_METRICS_GAUGES_H_

#include <functional>
#include <string>
#include <vector>

#include "prometheus/client_metric.h"
#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"

namespace lossd {

// A value: what it is called, and how to read it. Those of one name are one family, with the help and the type of the
// first.
struct ScrapedValue {
  std::string name;
  std::string help;
  prometheus::MetricType type = prometheus::MetricType::Gauge;
  std::function<double()> read;  // Thread-safe; does not wait. Called at each scrape, by the thread that answers it.
  std::vector<prometheus::ClientMetric::Label> labels = {};
};

// Reads its values at each scrape, one after another, on the thread that answers it. Metrics holds it weakly: whoever
// owns what the values read drops this before that goes, once no scrape is under way, which keeps it for so long.
// Thread-safe.
class ScrapedValues final : public prometheus::Collectable {
 public:
  explicit ScrapedValues(std::vector<ScrapedValue> values);
  // Each family once, in the order of its first value.
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const std::vector<ScrapedValue> values_;
};

// The process_* family, as client libraries of Prometheus name it, from /proc/self. A value that the system does not
// tell reads 0.
std::vector<ScrapedValue> ProcessValues();

}  // namespace lossd

#endif  // LOSSD_SERVER_METRICS_METRICS_GAUGES_H_
