// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/engine_report.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace lossd::bench {
namespace {

std::string Milliseconds(const std::optional<Timing>& timing) {
  return timing.has_value() ? absl::StrFormat("%.4g", timing->min * 1e3) : "-";
}

std::string Ratio(const std::optional<Timing>& over, const Timing& under) {
  return over.has_value() ? absl::StrFormat("%.2f", over->min / under.min) : "-";
}

std::string Verdict(const EngineRow& row) {
  if (row.goal_us > 0 && row.loss.has_value()) {
    const double us = row.loss->min * 1e6;
    return absl::StrFormat("%.2f us <= %g us: %s", us, row.goal_us, us <= row.goal_us ? "met" : "missed");
  }
  if (row.goal == 0) return "";
  return absl::StrFormat("<= %.2f: %s", row.goal, row.lossd.min <= row.goal * row.bound.min ? "met" : "missed");
}

std::string JsonTiming(const char* name, const std::optional<Timing>& timing) {
  if (!timing.has_value()) return absl::StrFormat(R"("%s":null)", name);
  return absl::StrFormat(R"("%s":{"min":%.9g,"median":%.9g})", name, timing->min, timing->median);
}

// A logarithmic axis over [low, high] on [from, to] pixels.
struct LogAxis {
  double low, high, from, to;
  double operator()(double value) const {
    return from + (to - from) * (std::log(value) - std::log(low)) / (std::log(high) - std::log(low));
  }
};

constexpr double kWidth = 860, kHeight = 480, kMargin = 60;

struct Series {
  const char* name;
  const char* colour;
  std::function<std::optional<Timing>(const EngineRow&)> timing;
};

std::vector<Series> AllSeries() {
  return {{"lossd", "#1f77b4", [](const EngineRow& row) { return row.lossd; }},
          {"products alone, OpenBLAS", "#7f7f7f", [](const EngineRow& row) { return row.bound; }},
          {"eager PyTorch", "#d62728", [](const EngineRow& row) { return row.eager; }}};
}

std::string Decades(const LogAxis& axis, bool horizontal) {
  std::string svg;
  for (double value = std::pow(10, std::ceil(std::log10(axis.low))); value <= axis.high; value *= 10) {
    const double at = axis(value);
    if (horizontal) {
      absl::StrAppendFormat(&svg, "<line class=g x1='%.1f' x2='%.1f' y1='%g' y2='%g'/><text x='%.1f' y='%g'>%g</text>",
                            at, at, kMargin / 2, kHeight - kMargin, at, kHeight - kMargin + 18, value);
    } else {
      absl::StrAppendFormat(&svg, "<line class=g x1='%g' x2='%g' y1='%.1f' y2='%.1f'/><text x='%g' y='%.1f'>%g</text>",
                            kMargin, kWidth, at, at, kMargin - 24, at + 4, value);
    }
  }
  return svg;
}

std::string Plot(const std::vector<EngineRow>& rows, int threads) {
  LogAxis x{1e300, 0, kMargin, kWidth}, y{1e300, 0, kHeight - kMargin, kMargin / 2};
  for (const EngineRow& row : rows) {
    x.low = std::min(x.low, row.bound_flops * 1e-9 / 2);
    x.high = std::max(x.high, row.bound_flops * 1e-9 * 2);
    for (const Series& series : AllSeries()) {
      if (const auto timing = series.timing(row); timing.has_value()) {
        y.low = std::min(y.low, timing->min * 1e3 / 2);
        y.high = std::max(y.high, timing->min * 1e3 * 2);
      }
    }
  }
  std::string svg = absl::StrFormat("<h2>%d thread%s</h2><svg viewBox='0 0 %g %g'>", threads, threads > 1 ? "s" : "",
                                    kWidth + 20, kHeight);
  absl::StrAppend(&svg, Decades(x, true), Decades(y, false));
  double legend = kMargin / 2 + 14;
  for (const Series& series : AllSeries()) {
    for (const EngineRow& row : rows) {
      const auto timing = series.timing(row);
      if (row.threads != threads || !timing.has_value()) continue;
      absl::StrAppendFormat(&svg, "<circle cx='%.1f' cy='%.1f' r='5' fill='%s'><title>%s, %s: %.4g ms</title></circle>",
                            x(row.bound_flops * 1e-9), y(timing->min * 1e3), series.colour, row.name, series.name,
                            timing->min * 1e3);
    }
    absl::StrAppendFormat(&svg, "<text class=l x='%g' y='%g' fill='%s'>%s</text>", kMargin + 14, legend, series.colour,
                          series.name);
    legend += 18;
  }
  return absl::StrCat(svg, "<text class=l x='", kWidth - 220, "' y='", kHeight - 8,
                      "'>GFLOP of the products; time in ms</text></svg>");
}

}  // namespace

std::string TableHeader() {
  return absl::StrFormat("%-36s %3s %10s %10s %8s %8s %8s %8s %9s %9s %8s  %s", "case", "thr", "lossd ms", "median ms",
                         "/ blas", "med/med", "/ own", "eager x", "crowded x", "extra MB", "allocs", "goal");
}

std::string TableLine(const EngineRow& row) {
  return absl::StrFormat("%-36s %3d %10s %10.4g %8s %8.2f %8s %8s %9s %9.2f %8.1f  %s", row.name, row.threads,
                         Milliseconds(row.lossd), row.lossd.median * 1e3, Ratio(row.lossd, row.bound),
                         row.lossd.median / row.bound.median, Ratio(row.lossd, row.own_bound),
                         Ratio(row.eager, row.lossd), Ratio(row.crowded, row.lossd),
                         static_cast<double>(row.extra_bytes) / (1 << 20), row.allocations, Verdict(row));
}

std::string Json(const std::vector<EngineRow>& rows) {
  return absl::StrCat(
      "[\n",
      absl::StrJoin(rows, ",\n",
                    [](std::string* out, const EngineRow& row) {
                      absl::StrAppend(
                          out, "{", absl::StrFormat(R"("case":"%s","threads":%d)", row.name, row.threads), ",",
                          absl::StrJoin({JsonTiming("lossd", row.lossd), JsonTiming("bound_openblas", row.bound),
                                         JsonTiming("bound_lossd", row.own_bound), JsonTiming("loss", row.loss),
                                         JsonTiming("eager", row.eager), JsonTiming("crowded", row.crowded)},
                                        ","),
                          absl::StrFormat(R"(,"bound_flops":%g,"goal":%g,"extra_bytes":%d,"allocations":%g})",
                                          row.bound_flops, row.goal, row.extra_bytes, row.allocations));
                    }),
      "\n]\n");
}

std::string Html(const std::vector<EngineRow>& rows, const std::string& machine) {
  std::string page = absl::StrCat(
      "<!doctype html><meta charset=utf-8><title>lossd: the engine</title><style>body{font:14px "
      "sans-serif;max-width:960px;margin:2em auto}svg{width:100%}text{font:12px "
      "sans-serif;text-anchor:middle}.l{text-anchor:start}.g{stroke:#ddd}pre{overflow-x:auto}</style><h1>lossd: the "
      "engine</h1><p>",
      machine, ". Timings of a case were taken in turns, in one run; the smallest of each counts.</p>");
  std::vector<int> threads;
  for (const EngineRow& row : rows) {
    if (std::count(threads.begin(), threads.end(), row.threads) == 0) threads.push_back(row.threads);
  }
  for (const int count : threads) absl::StrAppend(&page, Plot(rows, count));
  absl::StrAppend(&page, "<pre>", TableHeader(), "\n");
  for (const EngineRow& row : rows) absl::StrAppend(&page, TableLine(row), "\n");
  return absl::StrCat(page, "</pre>\n");
}

}  // namespace lossd::bench
