// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/log_plot.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace lossd::bench {
namespace {

constexpr double kWidth = 520, kHeight = 380;
constexpr double kLeft = 64, kRight = 410, kTop = 34, kBottom = 326;
constexpr double kLabelHeight = 15;

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = 0;

  void Include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  // Leaves room at both ends.
  Range Widened() const { return {low / 1.6, high * 1.6}; }
};

// A logarithmic axis over `range` on [from, to] pixels.
struct LogAxis {
  Range range;
  double from, to;
  double operator()(double value) const {
    return from + (to - from) * std::log(value / range.low) / std::log(range.high / range.low);
  }
};

// Powers of ten in a range; with fewer than two of them also their multiples by 2 and 5.
std::vector<double> Ticks(const Range& range) {
  std::vector<double> ticks;
  const double first = std::floor(std::log10(range.low));
  for (const bool dense : {false, true}) {
    if (ticks.size() >= 2) break;
    ticks.clear();
    for (double power = first; std::pow(10, power) <= range.high; ++power) {
      for (const double digit : {1.0, 2.0, 5.0}) {
        const double value = digit * std::pow(10, power);
        if ((digit == 1 || dense) && value >= range.low && value <= range.high) ticks.push_back(value);
      }
    }
  }
  return ticks;
}

std::string Grid(const LogPlot& plot, const LogAxis& x, const LogAxis& y) {
  std::string svg;
  for (const double tick : Ticks(x.range)) {
    absl::StrAppendFormat(&svg, "<line class=g x1='%.1f' x2='%.1f' y1='%g' y2='%g'/>", x(tick), x(tick), kTop, kBottom);
    absl::StrAppendFormat(&svg, "<text class=m x='%.1f' y='%g'>%g</text>", x(tick), kBottom + 18, tick);
  }
  for (const double tick : Ticks(y.range)) {
    absl::StrAppendFormat(&svg, "<line class=g x1='%g' x2='%g' y1='%.1f' y2='%.1f'/>", kLeft, kRight, y(tick), y(tick));
    absl::StrAppendFormat(&svg, "<text class=e x='%g' y='%.1f'>%g</text>", kLeft - 8, y(tick) + 4, tick);
  }
  absl::StrAppendFormat(&svg, "<text class=m x='%g' y='%g'>%s</text>", (kLeft + kRight) / 2, kBottom + 42,
                        plot.x_label);
  absl::StrAppendFormat(&svg, "<text class=m transform='translate(16 %g) rotate(-90)'>%s</text>", (kTop + kBottom) / 2,
                        plot.y_label);
  absl::StrAppendFormat(&svg, "<text class=t x='%g' y='%g'>%s</text>", kLeft, kTop - 14, plot.title);
  return svg;
}

std::string Curve(const PlotSeries& series, const LogAxis& x, const LogAxis& y) {
  std::string line, dots;
  for (const PlotPoint& point : series.points) {
    absl::StrAppendFormat(&line, "%.1f,%.1f ", x(point.x), y(point.y));
    absl::StrAppendFormat(&dots, "<circle cx='%.1f' cy='%.1f' r='4' fill='%s'><title>%s</title></circle>", x(point.x),
                          y(point.y), series.colour, point.tooltip);
  }
  return absl::StrFormat("<polyline points='%s' stroke='%s'/>%s", line, series.colour, dots);
}

// Names beside the ends of the curves, moved apart where they would lie upon each other.
std::string Labels(std::vector<const PlotSeries*> series, const LogAxis& y) {
  const auto height = [&y](const PlotSeries* s) { return y(s->points.back().y); };
  std::sort(series.begin(), series.end(),
            [&](const PlotSeries* a, const PlotSeries* b) { return height(a) < height(b); });
  std::string svg;
  double highest = kTop;
  for (size_t i = 0; i < series.size(); ++i) {
    const double room = kBottom - kLabelHeight * static_cast<double>(series.size() - 1 - i);
    const double at = std::min(std::max(height(series[i]), highest), room);
    absl::StrAppendFormat(&svg, "<text x='%g' y='%.1f' style='fill:%s'>%s</text>", kRight + 8, at + 4,
                          series[i]->colour, series[i]->name);
    highest = at + kLabelHeight;
  }
  return svg;
}

}  // namespace

const char kLogPlotStyle[] =
    "svg{width:100%;max-width:560px;height:auto}svg text{font:12px system-ui,sans-serif;fill:var(--text)}"
    ".m{text-anchor:middle}.e{text-anchor:end}svg .t{font-weight:600;font-size:14px}"
    ".g{stroke:var(--grid)}polyline{fill:none;stroke-width:1.5;stroke-opacity:.55}"
    "circle{stroke:transparent;stroke-width:12;pointer-events:all}";

std::string LogPlotSvg(const LogPlot& plot) {
  Range x_range, y_range;
  std::vector<const PlotSeries*> drawn;
  for (const PlotSeries& series : plot.series) {
    if (!series.points.empty()) drawn.push_back(&series);
    for (const PlotPoint& point : series.points) {
      x_range.Include(point.x);
      y_range.Include(point.y);
    }
  }
  if (drawn.empty()) return "";
  const LogAxis x = {x_range.Widened(), kLeft, kRight};
  const LogAxis y = {y_range.Widened(), kBottom, kTop};
  std::string svg = absl::StrFormat("<svg viewBox='0 0 %g %g' role=img aria-label='%s'>%s", kWidth, kHeight, plot.title,
                                    Grid(plot, x, y));
  for (const PlotSeries* series : drawn) absl::StrAppend(&svg, Curve(*series, x, y));
  return absl::StrCat(svg, Labels(drawn, y), "</svg>\n");
}

}  // namespace lossd::bench
