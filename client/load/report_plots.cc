// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/report_plots.h"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <set>

#include "absl/strings/str_cat.h"
#include "client/load/svg_plot.h"

namespace lossd::load {
namespace {

// Classes of the style sheet: seven steps of one hue for what is ordered, hues for what is not.
constexpr int kSteps = 7;
std::string Step(size_t index, size_t count) {
  return absl::StrCat("step", count <= 1 ? kSteps / 2 + 1 : 1 + index * (kSteps - 1) / (count - 1));
}
std::string Hue(size_t index) { return absl::StrCat("hue", 1 + index % 6); }

bool AnyOpen(const LoadReport& report) {
  return std::any_of(report.levels.begin(), report.levels.end(), [](const LevelFigures& level) { return level.open; });
}

// Levels by rising load: a search measures them in another order.
std::vector<const LevelFigures*> Sorted(const LoadReport& report) {
  std::vector<const LevelFigures*> levels;
  for (const LevelFigures& level : report.levels) levels.push_back(&level);
  std::sort(levels.begin(), levels.end(),
            [](const LevelFigures* a, const LevelFigures* b) { return a->load < b->load; });
  return levels;
}

PlotAxis LoadAxis(const LoadReport& report) {
  PlotAxis axis;
  if (AnyOpen(report)) {
    axis.label = "offered load, calls/s";
    axis.from_zero = true;
    return axis;
  }
  axis.label = "calls in flight";
  axis.logarithmic = true;
  for (const LevelFigures* level : Sorted(report)) axis.ticks.emplace_back(level->load, ShortNumber(level->load));
  return axis;
}

Series LevelSeries(const LoadReport& report, const std::string& name, const std::string& color,
                   const std::function<double(const LevelFigures&)>& figure) {
  Series series{name, color, {{}}};
  series.dots = true;
  for (const LevelFigures* level : Sorted(report)) series.lines[0].push_back({level->load, figure(*level)});
  return series;
}

// A line for every level, over the time that was measured before it and in it; windows without the figure leave a gap.
Series WindowSeries(const LoadReport& report, const std::string& name, const std::string& color,
                    const std::function<double(const WindowFigures&)>& figure) {
  Series series{name, color, {}};
  series.dots = true;
  double begin = 0;
  for (const LevelFigures& level : report.levels) {
    Points line;
    for (const WindowFigures& window : level.windows) {
      line.push_back({begin + window.start + window.seconds / 2, figure(window)});
    }
    if (!level.windows.empty()) begin += level.windows.back().start + level.windows.back().seconds;
    series.lines.push_back(std::move(line));
  }
  return series;
}

// The plot's frame: time in seconds, and where each level begins.
PlotSpec OverTime(const LoadReport& report, const std::string& title, const std::string& unit) {
  PlotSpec spec;
  spec.title = title;
  spec.x.label = "time measured, s";
  spec.x.from_zero = true;
  spec.y.label = unit;
  double begin = 0;
  for (const LevelFigures& level : report.levels) {
    if (report.levels.size() > 1) spec.marks.emplace_back(begin, ShortNumber(level.load));
    if (!level.windows.empty()) begin += level.windows.back().start + level.windows.back().seconds;
  }
  return spec;
}

// Of windows that tell how long they were; older reports do not.
bool HasWindows(const LoadReport& report) {
  int windows = 0;
  for (const LevelFigures& level : report.levels) {
    for (const WindowFigures& window : level.windows) windows += window.seconds > 0;
  }
  return windows > 1;
}

}  // namespace

std::string GoodputPlot(const LoadReport& report) {
  PlotSpec spec;
  spec.title = AnyOpen(report) ? "Goodput against offered load" : "Goodput against calls in flight";
  spec.y.label = "calls/s that succeeded";
  spec.y.from_zero = true;
  if (report.levels.size() > 1) {
    spec.x = LoadAxis(report);
    spec.series.push_back(
        LevelSeries(report, "goodput", Hue(0), [](const LevelFigures& level) { return level.goodput_per_second; }));
    if (AnyOpen(report)) {
      spec.series.push_back(
          LevelSeries(report, "offered", "quiet", [](const LevelFigures& level) { return level.offered_per_second; }));
      spec.series.back().dashed = true;
    }
    return SvgPlot(spec);
  }
  if (report.levels.empty() || !report.levels[0].open || !HasWindows(report)) return "";
  const auto [least, most] = std::minmax_element(
      report.levels[0].windows.begin(), report.levels[0].windows.end(),
      [](const WindowFigures& a, const WindowFigures& b) { return a.offered_per_second < b.offered_per_second; });
  if (most->offered_per_second < 1.5 * least->offered_per_second) return "";  // No ramp.
  spec.x.label = "offered load of a window, calls/s";
  Points even = {{least->offered_per_second, least->offered_per_second},
                 {most->offered_per_second, most->offered_per_second}};
  spec.series.push_back({"offered", "quiet", {even}, true});
  spec.series.push_back({"goodput", Hue(0), {}});
  for (const WindowFigures& window : report.levels[0].windows) {
    spec.series.back().lines.push_back({{window.offered_per_second, window.calls_per_second}});
  }
  return SvgPlot(spec);
}

std::string LatencyOverLoadPlot(const LoadReport& report) {
  if (report.levels.size() < 2) return "";
  PlotSpec spec;
  spec.title = "Latency over load";
  spec.x = LoadAxis(report);
  spec.y.label = "ms";
  spec.y.logarithmic = true;
  const std::pair<const char*, double> kFigures[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}};
  for (size_t i = 0; i < std::size(kFigures); ++i) {
    const double share = kFigures[i].second;
    spec.series.push_back(LevelSeries(report, kFigures[i].first, Step(i + 1, 5), [&](const LevelFigures& level) {
      return level.latency.Supports(share) ? level.latency.At(share) : 0;
    }));
  }
  return SvgPlot(spec);
}

std::string PercentilePlot(const LoadReport& report) {
  PlotSpec spec;
  spec.title = "Latency by percentile";
  spec.x.label = "percentile";
  spec.x.logarithmic = true;
  spec.x.ticks = {{1, "0"}, {2, "50"}, {4, "75"}, {10, "90"}, {100, "99"}, {1000, "99.9"}, {10000, "99.99"}};
  spec.y.label = "ms";
  spec.y.logarithmic = true;
  const auto levels = Sorted(report);
  for (size_t i = 0; i < levels.size(); ++i) {
    Series series{ShortNumber(levels[i]->load), Step(i, levels.size()), {{}}};
    for (const auto& [share, latency] : levels[i]->curve) series.lines[0].push_back({1 / (1 - share), latency});
    if (levels.size() == 1) series.name = levels[i]->name;
    spec.series.push_back(std::move(series));
  }
  if (levels.size() > 1) absl::StrAppend(&spec.title, AnyOpen(report) ? ", by calls/s" : ", by calls in flight");
  return SvgPlot(spec);
}

std::string ThroughputOverTimePlot(const LoadReport& report) {
  if (!HasWindows(report)) return "";
  PlotSpec spec = OverTime(report, "Throughput over time", "calls/s");
  spec.y.from_zero = true;
  if (AnyOpen(report)) {
    spec.series.push_back(WindowSeries(report, "offered", "quiet",
                                       [](const WindowFigures& window) { return window.offered_per_second; }));
    spec.series.back().dashed = true;
    spec.series.back().dots = false;
  }
  spec.series.push_back(
      WindowSeries(report, "goodput", Hue(0), [](const WindowFigures& window) { return window.calls_per_second; }));
  return SvgPlot(spec);
}

std::string LatencyOverTimePlot(const LoadReport& report) {
  if (!HasWindows(report)) return "";
  PlotSpec spec = OverTime(report, "Latency over time", "ms");
  spec.y.logarithmic = true;
  const std::pair<const char*, double WindowFigures::*> kFigures[] = {
      {"p50", &WindowFigures::p50}, {"p90", &WindowFigures::p90}, {"p99", &WindowFigures::p99}};
  for (size_t i = 0; i < std::size(kFigures); ++i) {
    const auto figure = kFigures[i].second;
    spec.series.push_back(WindowSeries(report, kFigures[i].first, Step(i + 1, 4),
                                       [&](const WindowFigures& window) { return window.*figure; }));
  }
  return SvgPlot(spec);
}

std::string ErrorsOverTimePlot(const LoadReport& report) {
  std::set<std::string> codes;
  bool skipped = false;
  for (const LevelFigures& level : report.levels) {
    for (const WindowFigures& window : level.windows) {
      for (const auto& [code, calls] : window.errors) codes.insert(code);
      skipped |= window.skipped > 0;
    }
  }
  if ((codes.empty() && !skipped) || !HasWindows(report)) return "";
  PlotSpec spec = OverTime(report, "Failed and skipped calls over time", "calls/s");
  spec.y.from_zero = true;
  size_t index = 1;
  for (const std::string& code : codes) {
    spec.series.push_back(WindowSeries(report, code, Hue(index++), [&](const WindowFigures& window) {
      const auto found = window.errors.find(code);
      return found == window.errors.end() ? 0 : static_cast<double>(found->second) / window.seconds;
    }));
  }
  if (skipped) {
    spec.series.push_back(WindowSeries(report, "skipped", "quiet", [](const WindowFigures& window) {
      return static_cast<double>(window.skipped) / window.seconds;
    }));
  }
  return SvgPlot(spec);
}

std::string StagesPlot(const LoadReport& report) {
  const std::vector<std::string> names = {"decode", "queue", "compute", "encode", "network and client"};
  std::vector<std::string> colors;
  for (size_t i = 0; i + 1 < names.size(); ++i) colors.push_back(Hue(i));
  colors.emplace_back("quiet");
  std::vector<BarRow> rows;
  for (const LevelFigures& level : report.levels) {
    if (level.server_stages.empty()) continue;
    BarRow row{level.name, {}};
    for (size_t i = 0; i + 1 < names.size(); ++i) {
      const auto found = level.server_stages.find(names[i]);
      row.parts.push_back(found == level.server_stages.end() ? 0 : found->second);
    }
    const double in_server = std::accumulate(row.parts.begin(), row.parts.end(), 0.0);
    row.parts.push_back(std::max(0.0, level.service.mean - in_server));
    rows.push_back(std::move(row));
  }
  return SvgBars("Where the time of a call goes, mean", "ms", names, colors, rows);
}

}  // namespace lossd::load
