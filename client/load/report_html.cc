// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/report_html.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "client/load/report_text.h"

namespace lossd::load {
namespace {

constexpr double kWidth = 640, kHeight = 360, kLeft = 70, kRight = 130, kTop = 30, kBottom = 45;
constexpr const char* kColors[] = {"#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b"};

std::string Escaped(const std::string& text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

// A logarithmic axis.
struct Axis {
  double low = 1e300, high = 0;

  void Include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  // From 0 to 1.
  double Place(double value) const { return high <= low ? 0.5 : std::log(value / low) / std::log(high / low); }
  std::vector<std::pair<double, std::string>> Ticks() const {
    std::vector<std::pair<double, std::string>> ticks;
    for (double decade = std::pow(10, std::floor(std::log10(low))); decade <= high; decade *= 10) {
      for (const double digit : {1, 2, 5}) {
        const double value = decade * digit;
        if (value >= low && value <= high) ticks.emplace_back(value, absl::StrFormat("%g", value));
      }
    }
    return ticks;
  }
};

class Plot {
 public:
  explicit Plot(const std::vector<Curve>& curves) {
    for (const Curve& curve : curves) {
      for (const auto& [x, y] : curve.points) {
        if (x <= 0 || y <= 0) continue;
        x_.Include(x);
        y_.Include(y);
      }
    }
  }
  double X(double x) const { return kLeft + x_.Place(x) * (kWidth - kLeft - kRight); }
  double Y(double y) const { return kHeight - kBottom - y_.Place(y) * (kHeight - kTop - kBottom); }

  void DrawTicks(const std::vector<std::pair<double, std::string>>& x_ticks, std::string& out) const {
    for (const auto& [x, label] : x_ticks.empty() ? x_.Ticks() : x_ticks) {
      if (x < x_.low || x > x_.high) continue;
      absl::StrAppendFormat(&out, "<path d='M%.1f %g V%g' class='grid'/><text x='%.1f' y='%g' class='mid'>%s</text>\n",
                            X(x), kTop, kHeight - kBottom, X(x), kHeight - kBottom + 16, Escaped(label));
    }
    for (const auto& [y, label] : y_.Ticks()) {
      absl::StrAppendFormat(&out, "<path d='M%g %.1f H%g' class='grid'/><text x='%g' y='%.1f' class='end'>%s</text>\n",
                            kLeft, Y(y), kWidth - kRight, kLeft - 6, Y(y) + 4, label);
    }
  }
  void DrawCurve(const Curve& curve, size_t index, std::string& out) const {
    const char* const color = kColors[index % std::size(kColors)];
    std::string points;
    for (const auto& [x, y] : curve.points) {
      if (x > 0 && y > 0) absl::StrAppendFormat(&points, "%.1f,%.1f ", X(x), Y(y));
    }
    absl::StrAppendFormat(&out, "<polyline points='%s' fill='none' stroke='%s' stroke-width='2'/>\n", points, color);
    absl::StrAppendFormat(&out, "<text x='%g' y='%g' fill='%s'>%s</text>\n", kWidth - kRight + 8,
                          kTop + 14 * static_cast<double>(index + 1), color, Escaped(curve.name));
  }

 private:
  Axis x_, y_;
};

// Percentiles are drawn over 1 / (1 - share): every nine takes as much room.
Curve PercentileCurve(const LevelFigures& level) {
  Curve curve{level.name, {}};
  for (size_t i = 0; i < std::size(kShares); ++i) {
    if (kShares[i] < 1) curve.points.emplace_back(1 / (1 - kShares[i]), level.latency.percentiles[i]);
  }
  return curve;
}

}  // namespace

std::string LogPlot(const std::string& title, const std::string& x_label, const std::string& y_label,
                    const std::vector<Curve>& curves, const std::vector<std::pair<double, std::string>>& x_ticks) {
  std::string out =
      absl::StrFormat("<svg viewBox='0 0 %g %g' width='%g' height='%g'>\n", kWidth, kHeight, kWidth, kHeight);
  absl::StrAppendFormat(&out, "<text x='%g' y='18' class='title'>%s</text>\n", kLeft, Escaped(title));
  const Plot plot(curves);
  plot.DrawTicks(x_ticks, out);
  for (size_t i = 0; i < curves.size(); ++i) plot.DrawCurve(curves[i], i, out);
  absl::StrAppendFormat(&out, "<text x='%g' y='%g' class='mid'>%s</text>\n", (kWidth + kLeft - kRight) / 2, kHeight - 8,
                        Escaped(x_label));
  absl::StrAppendFormat(&out, "<text transform='translate(14 %g) rotate(-90)' class='mid'>%s</text>\n</svg>\n",
                        kHeight / 2, Escaped(y_label));
  return out;
}

std::string ReportHtml(const LoadReport& report) {
  std::vector<Curve> percentiles;
  Curve goodput{"goodput", {}}, offered{"offered", {}}, p50{"p50", {}}, p99{"p99", {}};
  for (const LevelFigures& level : report.levels) {
    percentiles.push_back(PercentileCurve(level));
    goodput.points.emplace_back(level.load, level.goodput_per_second);
    offered.points.emplace_back(level.load, level.offered_per_second);
    p50.points.emplace_back(level.load, level.latency.At(0.5));
    p99.points.emplace_back(level.load, level.latency.At(0.99));
  }
  for (Curve* const curve : {&goodput, &offered, &p50, &p99}) std::sort(curve->points.begin(), curve->points.end());
  return absl::StrCat(
      "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'><title>lossctl load</title>\n<style>",
      "body{font:14px sans-serif;margin:2em}pre{overflow-x:auto}svg text{font:11px sans-serif}.grid{stroke:#ddd}",
      "svg .mid{text-anchor:middle}svg .end{text-anchor:end}svg .title{font-weight:bold}</style></head><body>\n",
      "<h1>lossctl load</h1>\n",
      LogPlot("Latency by percentile", "percentile", "ms", percentiles,
              {{1, "0"}, {2, "50"}, {10, "90"}, {100, "99"}, {1000, "99.9"}, {10000, "99.99"}}),
      LogPlot("Throughput over load", "load", "calls per second", {goodput, offered}),
      LogPlot("Latency over load", "load", "ms", {p50, p99}), "<pre>", Escaped(ReportText(report)), "</pre>\n",
      "</body></html>\n");
}

}  // namespace lossd::load
