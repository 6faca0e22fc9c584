// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A plot with logarithmic axes, as SVG within an HTML page.

#ifndef LOSSD_TESTS_BENCH_LOG_PLOT_H_
#define LOSSD_TESTS_BENCH_LOG_PLOT_H_

#include <string>
#include <vector>

namespace lossd::bench {

struct PlotPoint {
  double x = 0;
  double y = 0;
  std::string tooltip;
};

// Points joined by a line; its name stands beside its last point.
struct PlotSeries {
  std::string name;
  std::string colour;  // A CSS colour, perhaps a variable of the page.
  std::vector<PlotPoint> points;
};

struct LogPlot {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<PlotSeries> series;
};

// What kLogPlotStyle and the colours refer to: --text and --grid of the page.
extern const char kLogPlotStyle[];

// The <svg> element. All coordinates must be positive; text must be free of HTML.
std::string LogPlotSvg(const LogPlot& plot);

}  // namespace lossd::bench

#endif  // LOSSD_TESTS_BENCH_LOG_PLOT_H_
