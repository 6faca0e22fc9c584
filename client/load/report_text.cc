// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/report_text.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace lossd::load {
namespace {

// A percentile, or nothing where too few calls were sampled for it.
std::string Cell(const LatencyFigures& latency, double share, const char* nothing = "-") {
  return latency.Supports(share) ? absl::StrFormat("%.3f", latency.At(share)) : nothing;
}

void AppendLine(const LevelFigures& level, std::string& out) {
  const LatencyFigures& latency = level.latency;
  absl::StrAppendFormat(&out, "%-18s %10.1f %10.1f %9.1f %9.3f", level.name, level.offered_per_second,
                        level.goodput_per_second, level.sent_mb_per_second + level.received_mb_per_second,
                        latency.mean);
  for (const double share : {0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
    absl::StrAppendFormat(&out, " %9s", Cell(latency, share));
  }
  absl::StrAppendFormat(&out, " %7d %7d\n", level.failed, level.skipped);
}

void AppendErrors(const LoadReport& report, std::string& out) {
  const auto failed = [](const LevelFigures& level) { return !level.errors.empty(); };
  if (std::none_of(report.levels.begin(), report.levels.end(), failed)) return;
  absl::StrAppendFormat(&out, "\n%-18s %-20s %8s %9s %9s %9s  %s\n", "failed calls", "code", "calls", "p50 ms", "p99",
                        "max", "for example");
  for (const LevelFigures& level : report.levels) {
    for (const auto& [code, error] : level.errors) {
      absl::StrAppendFormat(&out, "%-18s %-20s %8d %9.3f %9.3f %9.3f  %s\n", level.name, code, error.calls, error.p50,
                            error.p99, error.max, error.example);
    }
  }
}

void AppendNotes(const LevelFigures& level, const std::string& chaos_deeds, std::string& out) {
  if (level.open) {
    absl::StrAppend(&out, level.name, ": service time (from the actual start) p50 ", Cell(level.service, 0.5),
                    " ms, p99 ", Cell(level.service, 0.99), " ms, max ", Cell(level.service, 1),
                    " ms; starts late by p99 ", Cell(level.lag, 0.99), " ms\n");
  }
  if (!chaos_deeds.empty()) {
    absl::StrAppend(&out, level.name, ": chaos: ", level.disturbances, " ", chaos_deeds, ", the warm-up included; ",
                    level.provoked, " calls failed through it, ", level.failed - level.provoked, " otherwise\n");
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
  if (!level.missed.empty()) absl::StrAppend(&out, level.name, ": missed: ", level.missed, "\n");
  for (const std::string& doubt : level.Doubts()) absl::StrAppend(&out, level.name, ": warning: ", doubt, "\n");
}

void AppendSearch(const LoadReport& report, std::string& out) {
  if (!report.searched) return;
  absl::StrAppend(&out, "\nsearch: ",
                  absl::StrJoin(report.levels, ", ",
                                [](std::string* text, const LevelFigures& level) {
                                  absl::StrAppendFormat(text, "%g %s", level.load,
                                                        level.missed.empty() ? "met" : "missed");
                                }),
                  "\nhighest load that meets the objectives: ", HighestInWords(report), "\n");
}

std::string ErrorsInACell(const LevelFigures& level) {
  return absl::StrJoin(level.errors, ";", [](std::string* text, const auto& error) {
    absl::StrAppend(text, error.first, "=", error.second.calls);
  });
}

}  // namespace

std::string ReportText(const LoadReport& report) {
  std::string out =
      absl::StrFormat("%s, requests of %d bytes, to %s\n", report.what, report.request_bytes, report.target);
  if (report.setup.contains("server_version")) {
    absl::StrAppend(&out, "lossd ", report.setup.value("server_version", ""), " (",
                    report.setup.value("server_revision", ""), ")\n");
  }
  if (report.interrupted) absl::StrAppend(&out, "INTERRUPTED: what was measured up to then\n");
  absl::StrAppendFormat(&out, "\n%-18s %10s %10s %9s %9s %9s %9s %9s %9s %9s %9s %7s %7s\n", "", "offered/s",
                        "goodput/s", "MB/s", "mean ms", "p50", "p90", "p99", "p99.9", "p99.99", "max", "errors",
                        "skipped");
  for (const LevelFigures& level : report.levels) AppendLine(level, out);
  const auto unsupported = [](const LevelFigures& level) { return !level.latency.Supports(0.9999); };
  if (std::any_of(report.levels.begin(), report.levels.end(), unsupported)) {
    absl::StrAppend(&out, "-: too few calls for that percentile (p99.99 needs 10,000, p99.9 1,000, p99 100)\n");
  }
  AppendErrors(report, out);
  std::string notes;
  for (const LevelFigures& level : report.levels) AppendNotes(level, report.chaos_deeds, notes);
  if (!notes.empty()) absl::StrAppend(&out, "\n", notes);
  if (const std::string why = WhyDifferent(report); !why.empty()) absl::StrAppend(&out, "\nwarning: ", why, "\n");
  if (!report.ill.empty()) absl::StrAppend(&out, "\nmissed: a call after the chaos: ", report.ill, "\n");
  AppendSearch(report, out);
  return out;
}

std::string ReportCsv(const LoadReport& report) {
  std::string out =
      "name,load,seconds,succeeded,failed,skipped,offered_per_second,goodput_per_second,sent_mb_per_second,"
      "received_mb_per_second,mean_ms,p50_ms,p90_ms,p99_ms,p99.9_ms,p99.99_ms,max_ms,service_p50_ms,service_p99_ms,"
      "stable,busiest_thread,start_lag_p99_ms,provoked,interrupted,missed,errors,checked,different\n";
  for (const LevelFigures& level : report.levels) {
    absl::StrAppendFormat(&out, "%s,%g,%g,%d,%d,%d,%g,%g,%g,%g,%g", level.name, level.load, level.seconds,
                          level.succeeded, level.failed, level.skipped, level.offered_per_second,
                          level.goodput_per_second, level.sent_mb_per_second, level.received_mb_per_second,
                          level.latency.mean);
    for (const double share : {0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
      absl::StrAppend(&out, ",", Cell(level.latency, share, ""));
    }
    absl::StrAppendFormat(&out, ",%s,%s,%d,%g,%s,%d,%d,\"%s\",%s,%d,%d\n", Cell(level.service, 0.5, ""),
                          Cell(level.service, 0.99, ""), level.stable ? 1 : 0, level.busiest_thread,
                          Cell(level.lag, 0.99, ""), level.provoked, level.interrupted ? 1 : 0, level.missed,
                          ErrorsInACell(level), level.checked, level.different);
  }
  return out;
}

}  // namespace lossd::load
