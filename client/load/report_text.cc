// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/report_text.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace lossd::load {
namespace {

// Above this the client's own threads may be what limits the load.
constexpr double kBusy = 0.9;

const LevelFigures* LevelCalled(const std::string& name, const LoadReport& report) {
  const auto found = std::find_if(report.levels.begin(), report.levels.end(),
                                  [&](const LevelFigures& level) { return level.name == name; });
  return found == report.levels.end() ? nullptr : &*found;
}

void AppendLine(const LevelFigures& level, std::string& out) {
  const LatencyFigures& latency = level.latency;
  absl::StrAppendFormat(&out, "%-18s %10.1f %10.1f %9.1f %9.3f %9.3f %9.3f %9.3f %9.3f %9.3f %9.3f %7d %7d\n",
                        level.name, level.offered_per_second, level.goodput_per_second,
                        level.sent_mb_per_second + level.received_mb_per_second, latency.mean, latency.At(0.5),
                        latency.At(0.9), latency.At(0.99), latency.At(0.999), latency.At(0.9999), latency.At(1),
                        level.failed, level.skipped);
}

void AppendNotes(const LevelFigures& level, std::string& out) {
  if (level.open) {
    absl::StrAppendFormat(&out, "%s: service time (from the actual start) p50 %.3f ms, p99 %.3f ms, max %.3f ms\n",
                          level.name, level.service.At(0.5), level.service.At(0.99), level.service.At(1));
  }
  for (const auto& [code, error] : level.errors) {
    absl::StrAppend(&out, level.name, ": ", error.first, " ", code, ", for example: ", error.second, "\n");
  }
  if (!level.server_stages.empty()) {
    absl::StrAppend(&out, level.name, ": mean time in the server: ",
                    absl::StrJoin(level.server_stages, ", ",
                                  [](std::string* text, const auto& stage) {
                                    absl::StrAppendFormat(text, "%s %.3f ms", stage.first, stage.second);
                                  }),
                    "\n");
  }
  if (level.checked > 0) {
    absl::StrAppend(&out, level.name, ": ", level.checked, " answers compared with a local computation, ",
                    level.different, " different\n");
  }
  if (!level.stable) absl::StrAppend(&out, level.name, ": the figures did not become stable\n");
  if (level.busiest_thread > kBusy) {
    absl::StrAppendFormat(&out, "%s: this client is the bottleneck (a thread of it used %.0f %% of a processor): %s\n",
                          level.name, 100 * level.busiest_thread, "use --threads and --connections");
  }
}

}  // namespace

std::string ReportText(const LoadReport& report) {
  std::string out =
      absl::StrFormat("%s, requests of %d bytes, to %s\n\n", report.what, report.request_bytes, report.target);
  absl::StrAppendFormat(&out, "%-18s %10s %10s %9s %9s %9s %9s %9s %9s %9s %9s %7s %7s\n", "", "offered/s", "goodput/s",
                        "MB/s", "mean ms", "p50", "p90", "p99", "p99.9", "p99.99", "max", "errors", "skipped");
  for (const LevelFigures& level : report.levels) AppendLine(level, out);
  std::string notes;
  for (const LevelFigures& level : report.levels) AppendNotes(level, notes);
  if (!notes.empty()) absl::StrAppend(&out, "\n", notes);
  if (report.searched) {
    absl::StrAppend(&out, "\nhighest load that meets the objectives: ",
                    report.highest ? absl::StrFormat("%g", *report.highest) : "none", "\n");
  }
  return out;
}

std::string ReportCsv(const LoadReport& report) {
  std::string out =
      "name,load,seconds,succeeded,failed,skipped,offered_per_second,goodput_per_second,sent_mb_per_second,"
      "received_mb_per_second,mean_ms,p50_ms,p90_ms,p99_ms,p99.9_ms,p99.99_ms,max_ms,service_p50_ms,service_p99_ms,"
      "stable,busiest_thread\n";
  for (const LevelFigures& level : report.levels) {
    absl::StrAppendFormat(
        &out, "%s,%g,%g,%d,%d,%d,%g,%g,%g,%g,%g,%g,%g,%g,%g,%g,%g,%g,%g,%d,%g\n", level.name, level.load, level.seconds,
        level.succeeded, level.failed, level.skipped, level.offered_per_second, level.goodput_per_second,
        level.sent_mb_per_second, level.received_mb_per_second, level.latency.mean, level.latency.At(0.5),
        level.latency.At(0.9), level.latency.At(0.99), level.latency.At(0.999), level.latency.At(0.9999),
        level.latency.At(1), level.service.At(0.5), level.service.At(0.99), level.stable ? 1 : 0, level.busiest_thread);
  }
  return out;
}

std::string ComparisonText(const LoadReport& baseline, const LoadReport& current) {
  std::string out = absl::StrFormat("%-18s %9s %9s %9s %9s\n", "against baseline", "goodput", "mean", "p50", "p99");
  for (const LevelFigures& level : current.levels) {
    const LevelFigures* const before = LevelCalled(level.name, baseline);
    if (before == nullptr) {
      absl::StrAppend(&out, level.name, ": not in the baseline\n");
      continue;
    }
    absl::StrAppendFormat(&out, "%-18s %8.2fx %8.2fx %8.2fx %8.2fx\n", level.name,
                          level.goodput_per_second / before->goodput_per_second,
                          level.latency.mean / before->latency.mean, level.latency.At(0.5) / before->latency.At(0.5),
                          level.latency.At(0.99) / before->latency.At(0.99));
  }
  return out;
}

std::vector<std::string> Regressions(const LoadReport& baseline, const LoadReport& current, double tolerance) {
  std::vector<std::string> names;
  for (const LevelFigures& level : current.levels) {
    const LevelFigures* const before = LevelCalled(level.name, baseline);
    if (before == nullptr) continue;
    const bool slower = level.goodput_per_second < before->goodput_per_second * (1 - tolerance);
    const bool later = level.latency.At(0.99) > before->latency.At(0.99) * (1 + tolerance);
    if (slower || later) names.push_back(level.name);
  }
  return names;
}

}  // namespace lossd::load
