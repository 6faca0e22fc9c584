// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Draws reports.

#ifndef LOSSD_CLIENT_LOAD_REPORT_HTML_H_
#define LOSSD_CLIENT_LOAD_REPORT_HTML_H_

#include <string>
#include <utility>
#include <vector>

#include "client/load/load_report.h"

namespace lossd::load {

// A line of a plot.
struct Curve {
  std::string name;
  std::vector<std::pair<double, double>> points;
};

// An SVG element with logarithmic axes; points that are not positive are left out. `x_ticks` are places and labels.
std::string LogPlot(const std::string& title, const std::string& x_label, const std::string& y_label,
                    const std::vector<Curve>& curves, const std::vector<std::pair<double, std::string>>& x_ticks = {});

// A page that needs nothing else: latency over percentile for each level, throughput and latency over load, the tables.
std::string ReportHtml(const LoadReport& report);

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_REPORT_HTML_H_
