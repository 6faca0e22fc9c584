// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/engine_page.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/load/svg_plot.h"
#include "tests/bench/engine_table.h"

namespace lossd::bench {
namespace {

// Light and dark, by what the reader's system asks for.
constexpr char kStyle[] = R"(
:root{color-scheme:light dark;--page:#fff;--ink:#222;--soft:#555;--line:#ddd;--axis:#999;--lossd:#0060a8;--bf16:#7a3fb0;
--bound:#777;--eager:#c43b00;--hand:#a86f00;--compiled:#00795a}
@media(prefers-color-scheme:dark){:root{--page:#161616;--ink:#ddd;--soft:#aaa;--line:#3a3a3a;--axis:#777;--lossd:#5ab4f0;
--bf16:#c79bf2;--bound:#a0a0a0;--eager:#ff8a5c;--hand:#f0b840;--compiled:#4fcfa0}}
body{font:15px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:1080px;margin:2em auto;
padding:0 1em}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(420px,1fr));gap:1em}.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}
td,th{padding:3px 9px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
td:first-child,th:first-child{text-align:left}small{opacity:.7}
)";

// A way to compute the cases.
struct Way {
  const char* name;
  const char* color;
  std::function<std::optional<Timing>(const EngineRow&)> timing;
};

std::vector<Way> Ways() {
  return {{"lossd", "lossd", [](const EngineRow& row) { return row.lossd; }},
          {"bound", "bound", [](const EngineRow& row) { return row.best_bound(); }},
          {"lossd, bf16", "bf16", [](const EngineRow& row) { return row.bf16; }},
          {"torch, reference", "eager", [](const EngineRow& row) { return row.reference.timing; }},
          {"torch, by hand", "hand", [](const EngineRow& row) { return row.by_hand.timing; }},
          {"torch, compiled", "compiled", [](const EngineRow& row) { return row.compiled.timing; }}};
}

std::vector<std::string> Colors() {
  std::vector<std::string> colors;
  for (const Way& way : Ways()) colors.emplace_back(way.color);
  return colors;
}

std::string Plot(const EngineReport& report, const std::string& loss, int threads) {
  load::PlotSpec plot;
  plot.title = absl::StrFormat("%s, %d thread%s", loss, threads, threads > 1 ? "s" : "");
  plot.x.label = "work of the bound's products (GFLOP)";
  plot.y.label = "smallest time (ms)";
  plot.x.logarithmic = plot.y.logarithmic = true;
  for (const Way& way : Ways()) {
    load::Points points;
    for (const EngineRow& row : report.rows) {
      const std::optional<Timing> timing = way.timing(row);
      if (row.loss_title != loss || row.threads != threads || !timing.has_value()) continue;
      points.push_back({row.bound_flops * 1e-9, timing->min * 1e3,
                        absl::StrCat(row.name, ", ", way.name, ": ", TimeText(timing->min))});
    }
    std::sort(points.begin(), points.end(),
              [](const load::PlotPoint& a, const load::PlotPoint& b) { return a.x < b.x; });
    plot.series.push_back({way.name, way.color, {std::move(points)}});
    plot.series.back().dots = true;
  }
  return load::SvgPlot(plot);
}

std::string Plots(const EngineReport& report) {
  std::vector<std::string> losses;
  std::set<int> threads;
  for (const EngineRow& row : report.rows) {
    if (std::count(losses.begin(), losses.end(), row.loss_title) == 0) losses.push_back(row.loss_title);
    threads.insert(row.threads);
  }
  std::string html = "<div class=plots>";
  for (const std::string& loss : losses) {
    for (const int count : threads) absl::StrAppend(&html, Plot(report, loss, count));
  }
  return html + "</div>";
}

std::string TimingCell(const std::optional<Timing>& timing, const std::string& tooltip = "") {
  if (!timing.has_value()) return absl::StrFormat("<td title='%s'>-", tooltip);
  return absl::StrFormat("<td title='%s'>%s<br><small>%s</small>", tooltip, TimeText(timing->min),
                         TimeText(timing->median));
}

std::string RatioCell(const std::optional<Timing>& over, const Timing& under) {
  return over.has_value() ? absl::StrFormat("<td>%.3g", over->min / under.min) : "<td>-";
}

std::string GoalCell(const std::vector<GoalVerdict>& verdicts) {
  const auto met = std::count_if(verdicts.begin(), verdicts.end(), [](const GoalVerdict& v) { return v.met; });
  return absl::StrFormat("<td>%d of %d", met, verdicts.size());
}

std::string Row(const EngineRow& row, const EngineRow* single) {
  return absl::StrCat("<tr><td title='bound: ", row.bound_text, "'>", row.name, "<td>", row.threads,
                      TimingCell(row.lossd), RatioCell(row.lossd, row.best_bound()), TimingCell(row.bound),
                      TimingCell(row.own_bound), TimingCell(row.torch_bound.timing, row.torch_bound.variant),
                      TimingCell(row.bf16, absl::StrFormat("gradient error %.2g", row.bf16_error)),
                      TimingCell(row.reference.timing, row.reference.variant),
                      RatioCell(row.reference.timing, row.lossd), TimingCell(row.by_hand.timing, row.by_hand.variant),
                      RatioCell(row.by_hand.timing, row.lossd), TimingCell(row.compiled.timing, row.compiled.variant),
                      RatioCell(row.compiled.timing, row.lossd),
                      absl::StrFormat("<td>%.2f<td>%.3g<td>%.3g (%.3g kB)", static_cast<double>(row.extra_bytes) / 1e6,
                                      row.loss_allocations, row.allocations, row.allocated_bytes / 1e3),
                      GoalCell(JudgeGoals(row, single)), "\n");
}

std::string Table(const EngineReport& report) {
  std::string html =
      "<h2>All figures</h2><p>Smallest time and, small, the median. MB: peak of a cold request beyond inputs and "
      "results. "
      "Allocations once warm.</p><div class=wide><table><tr><th>case<th>threads<th>lossd<th>lossd / "
      "bound<th>products by OpenBLAS<th>by lossd<th>by torch<th>lossd, bf16<th>torch, reference<th>/ lossd<th>torch, "
      "by hand<th>/ lossd<th>torch, "
      "compiled<th>/ "
      "lossd<th>MB<th>allocations of the loss<th>of a request<th>goals met\n";
  for (const EngineRow& row : report.rows) absl::StrAppend(&html, Row(row, FindSingle(report.rows, row)));
  return html + "</table></div>";
}

std::string MissedGoals(const EngineReport& report) {
  std::string html;
  for (const EngineRow& row : report.rows) {
    for (const GoalVerdict& verdict : JudgeGoals(row, FindSingle(report.rows, row))) {
      if (!verdict.met) absl::StrAppend(&html, "<tr><td>", row.name, "<td>", row.threads, "<td>", verdict.text, "\n");
    }
  }
  if (html.empty()) return "";
  return absl::StrCat("<h2>Goals missed</h2><table><tr><th>case<th>threads<th>goal\n", html, "</table>");
}

std::string Neighbours(const EngineReport& report) {
  if (report.neighbours.empty()) return "";
  std::string html =
      "<h2>Beside a process that wants a processor all the time</h2><div "
      "class=wide><table><tr><th>case<th>threads<th>lossd<th>beside<th>slowdown of means<th>torch, "
      "reference<th>beside<th>slowdown of means\n";
  for (const NeighbourRow& row : report.neighbours) {
    absl::StrAppend(&html, "<tr><td>", row.name, "<td>", row.threads, TimingCell(row.lossd),
                    TimingCell(row.lossd_beside), absl::StrFormat("<td>%.2f", row.lossd_beside.mean / row.lossd.mean),
                    TimingCell(row.torch), TimingCell(row.torch_beside));
    if (row.torch.has_value() && row.torch_beside.has_value()) {
      absl::StrAppendFormat(&html, "<td>%.2f\n", row.torch_beside->mean / row.torch->mean);
    }
  }
  return html + "</table></div>";
}

}  // namespace

std::string Page(const EngineReport& report) {
  return absl::StrCat(
      "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
      "content='width=device-width'><title>lossd: the engine</title><style>",
      kStyle, load::PlotStyle(Colors()), "</style><h1>lossd: the engine</h1><p>", report.machine,
      ". Contenders of a case took turns in one run. The bound is the matrix products alone that the "
      "loss cannot avoid, by whoever is fastest. Point at a dot for its case.</p>\n",
      Plots(report), Table(report), MissedGoals(report), Neighbours(report), "\n");
}

}  // namespace lossd::bench
