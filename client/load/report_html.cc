// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/report_html.h"

#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/load/report_plots.h"
#include "client/load/svg_plot.h"

namespace lossd::load {
namespace {

// Light and dark, by what the reader's system asks for; printed light.
constexpr char kStyle[] = R"(
:root{color-scheme:light dark;--page:#fff;--ink:#1b1f24;--soft:#59636e;--line:#e3e6ea;--axis:#9aa4af;--warn:#8a4b00;
--step1:#9ec5f4;--step2:#6da7ec;--step3:#3987e5;--step4:#256abf;--step5:#184f95;--step6:#104281;--step7:#0a2a55;
--hue1:#2266cc;--hue2:#c4410c;--hue3:#0b7a55;--hue4:#8b3fd1;--hue5:#a86500;--hue6:#b8256e;--quiet:#7b8590}
@media (prefers-color-scheme:dark) and (not print){:root{--page:#14171b;--ink:#e6e9ed;--soft:#a0a9b4;--line:#2a3038;
--axis:#5d6772;--warn:#f0b45a;--step1:#1f5fae;--step2:#2a78d6;--step3:#4b91e6;--step4:#70a9ee;--step5:#97c1f4;
--step6:#bcd8f9;--step7:#e2effd;--hue1:#6cabff;--hue2:#ff9466;--hue3:#4ccd9c;--hue4:#c39bff;--hue5:#edbb55;
--hue6:#ff8abc;--quiet:#8b95a0}}
body{font:15px/1.45 system-ui,sans-serif;margin:0 auto;padding:24px;max-width:1360px;background:var(--page);
color:var(--ink)}
h1{font-size:22px;margin:0 0 2px}h2{font-size:16px;margin:28px 0 8px}p{margin:2px 0}.soft{color:var(--soft)}
.warn{color:var(--warn)}.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,520px),1fr));
gap:24px 32px;margin-top:20px}figure{margin:0}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:3px 10px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
th{font-weight:600;color:var(--soft)}th:first-child,td:first-child{text-align:left;padding-left:0}
.left{text-align:left;white-space:normal;overflow-wrap:anywhere}
)";

// The colours of the style sheet.
std::vector<std::string> Colors() {
  std::vector<std::string> names = {"quiet"};
  for (int i = 1; i <= 7; ++i) names.push_back(absl::StrCat("step", i));
  for (int i = 1; i <= 6; ++i) names.push_back(absl::StrCat("hue", i));
  return names;
}

// Numbers stand at the right of their cells, words at the left.
std::string Row(const std::vector<std::string>& cells, const char* tag, const std::set<size_t>& words) {
  std::string out = "<tr>";
  for (size_t i = 0; i < cells.size(); ++i) {
    absl::StrAppend(&out, "<", tag, words.contains(i) ? " class='left'>" : ">", Escaped(cells[i]), "</", tag, ">");
  }
  return out + "</tr>\n";
}

std::string Table(const std::string& title, const std::vector<std::string>& header,
                  const std::vector<std::vector<std::string>>& rows, const std::set<size_t>& words = {}) {
  if (rows.empty()) return "";
  std::string out = absl::StrCat("<h2>", Escaped(title), "</h2>\n<div class='scroll'><table>\n");
  if (!header.empty()) absl::StrAppend(&out, Row(header, "th", words));
  for (const auto& row : rows) absl::StrAppend(&out, Row(row, "td", words));
  return out + "</table></div>\n";
}

std::string Percentile(const LatencyFigures& latency, double share) {
  return latency.Supports(share) ? absl::StrFormat("%.3f", latency.At(share)) : "–";
}

std::string LevelTable(const LoadReport& report) {
  std::vector<std::vector<std::string>> rows;
  for (const LevelFigures& level : report.levels) {
    rows.push_back({level.name, absl::StrFormat("%.1f", level.offered_per_second),
                    absl::StrFormat("%.1f", level.goodput_per_second),
                    absl::StrFormat("%.1f", level.sent_mb_per_second + level.received_mb_per_second),
                    absl::StrFormat("%.3f", level.latency.mean)});
    for (const double share : {0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
      rows.back().push_back(Percentile(level.latency, share));
    }
    for (const double share : {0.5, 0.99}) rows.back().push_back(Percentile(level.service, share));
    rows.back().push_back(Percentile(level.lag, 0.99));
    rows.back().push_back(absl::StrCat(level.failed));
    rows.back().push_back(absl::StrCat(level.skipped));
  }
  return Table("Levels",
               {"", "offered/s", "goodput/s", "MB/s", "mean ms", "p50", "p90", "p99", "p99.9", "p99.99", "max",
                "service p50", "service p99", "start lag p99", "failed", "skipped"},
               rows);
}

std::string ErrorTable(const LoadReport& report) {
  std::vector<std::vector<std::string>> rows;
  for (const LevelFigures& level : report.levels) {
    for (const auto& [code, error] : level.errors) {
      rows.push_back({level.name, code, absl::StrCat(error.calls), absl::StrFormat("%.3f", error.p50),
                      absl::StrFormat("%.3f", error.p99), absl::StrFormat("%.3f", error.max), error.example});
    }
  }
  return Table("Failed calls", {"", "code", "calls", "p50 ms", "p99", "max", "for example"}, rows, {1, 6});
}

std::string SetupTable(const LoadReport& report) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, value] : report.setup.items()) {
    rows.push_back({name, value.is_string() ? value.get<std::string>() : value.dump(1, ' ')});
  }
  return Table("Set-up", {}, rows, {1});
}

std::string Notes(const LoadReport& report) {
  std::string out;
  if (report.interrupted) absl::StrAppend(&out, "<p class='warn'>Interrupted: what was measured up to then.</p>\n");
  for (const LevelFigures& level : report.levels) {
    if (!level.missed.empty()) {
      absl::StrAppend(&out, "<p class='warn'>", Escaped(level.name), " missed: ", Escaped(level.missed), "</p>\n");
    }
    for (const std::string& doubt : level.Doubts()) {
      absl::StrAppend(&out, "<p class='warn'>", Escaped(level.name), ": ", Escaped(doubt), "</p>\n");
    }
    if (level.different > 0) {
      absl::StrAppend(&out, "<p class='warn'>", Escaped(level.name), ": ", level.different, " of ", level.checked,
                      " answers differ from a local computation</p>\n");
    }
    if (!report.chaos_deeds.empty()) {
      absl::StrAppend(&out, "<p>", Escaped(level.name), ": ", level.disturbances, " ", Escaped(report.chaos_deeds),
                      "; ", level.provoked, " calls failed through it, ", level.failed - level.provoked,
                      " otherwise</p>\n");
    }
  }
  if (const std::string why = WhyDifferent(report); !why.empty()) {
    absl::StrAppend(&out, "<p class='warn'>", Escaped(why), "</p>\n");
  }
  if (!report.ill.empty()) {
    absl::StrAppend(&out, "<p class='warn'>Missed: a call after the chaos: ", Escaped(report.ill), "</p>\n");
  }
  if (report.searched) {
    absl::StrAppend(&out, "<p>Highest load that meets the objectives: ", HighestInWords(report), "</p>\n");
  }
  return out;
}

}  // namespace

std::string ReportHtml(const LoadReport& report) {
  std::string plots;
  for (const std::string& plot :
       {GoodputPlot(report), LatencyOverLoadPlot(report), PercentilePlot(report), ThroughputOverTimePlot(report),
        LatencyOverTimePlot(report), ErrorsOverTimePlot(report), StagesPlot(report)}) {
    if (!plot.empty()) absl::StrAppend(&plots, "<figure>", plot, "</figure>\n");
  }
  const std::string version = report.setup.value("server_version", "");
  return absl::StrCat("<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>",
                      "<meta name='viewport' content='width=device-width'><title>lossctl load: ", Escaped(report.what),
                      "</title>\n<style>", kStyle, PlotStyle(Colors()), "</style></head><body>\n", "<h1>",
                      Escaped(report.what), "</h1>\n<p class='soft'>Requests of ",
                      ShortNumber(static_cast<double>(report.request_bytes)), "B to ", Escaped(report.target),
                      version.empty() ? "" : absl::StrCat(", lossd ", Escaped(version)), "</p>\n", Notes(report),
                      "<div class='plots'>\n", plots, "</div>\n", LevelTable(report), ErrorTable(report),
                      SetupTable(report), "</body></html>\n");
}

}  // namespace lossd::load
