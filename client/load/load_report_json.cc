// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <exception>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "client/load/load_report.h"

namespace lossd::load {
namespace {

using nlohmann::json;

json ToJson(const LatencyFigures& figures) {
  json percentiles = json::array();
  for (size_t i = 0; i < figures.percentiles.size(); ++i) percentiles.push_back({kShares[i], figures.percentiles[i]});
  return {{"mean", figures.mean}, {"percentiles", percentiles}, {"samples", figures.samples}};
}

LatencyFigures LatencyFromJson(const json& value) {
  LatencyFigures figures;
  figures.mean = value.at("mean").get<double>();
  figures.samples = value.value("samples", int64_t{0});
  for (const json& pair : value.at("percentiles")) figures.percentiles.push_back(pair.at(1).get<double>());
  if (figures.percentiles.size() != std::size(kShares)) throw std::out_of_range("percentiles: another number of them");
  return figures;
}

json ToJson(const ErrorFigures& error) {
  return {{"calls", error.calls},
          {"example", error.example},
          {"p50_ms", error.p50},
          {"p99_ms", error.p99},
          {"max_ms", error.max}};
}

ErrorFigures ErrorFromJson(const json& value) {
  return {value.at("calls").get<int64_t>(), value.at("example").get<std::string>(), value.value("p50_ms", 0.0),
          value.value("p99_ms", 0.0), value.value("max_ms", 0.0)};
}

json ToJson(const WindowFigures& window) {
  return {{"start_s", window.start},   {"calls_per_second", window.calls_per_second},
          {"p50_ms", window.p50},      {"p99_ms", window.p99},
          {"seconds", window.seconds}, {"offered_per_second", window.offered_per_second},
          {"p90_ms", window.p90},      {"p99.9_ms", window.p999},
          {"calls", window.calls},     {"skipped", window.skipped},
          {"errors", window.errors},   {"counts", window.counts}};
}

WindowFigures WindowFromJson(const json& value) {
  WindowFigures window;
  value.at("start_s").get_to(window.start);
  value.at("calls_per_second").get_to(window.calls_per_second);
  value.at("p50_ms").get_to(window.p50);
  value.at("p99_ms").get_to(window.p99);
  window.seconds = value.value("seconds", 0.0);
  window.offered_per_second = value.value("offered_per_second", 0.0);
  window.p90 = value.value("p90_ms", 0.0);
  window.p999 = value.value("p99.9_ms", 0.0);
  window.calls = value.value("calls", int64_t{0});
  window.skipped = value.value("skipped", int64_t{0});
  window.errors = value.value("errors", window.errors);
  window.counts = value.value("counts", true);
  return window;
}

json ToJson(const LevelFigures& level) {
  json errors = json::object();
  for (const auto& [code, error] : level.errors) errors[code] = ToJson(error);
  json windows = json::array();
  for (const WindowFigures& window : level.windows) windows.push_back(ToJson(window));
  return {{"name", level.name},
          {"open", level.open},
          {"load", level.load},
          {"seconds", level.seconds},
          {"succeeded", level.succeeded},
          {"failed", level.failed},
          {"skipped", level.skipped},
          {"unstarted", level.unstarted},
          {"offered_per_second", level.offered_per_second},
          {"goodput_per_second", level.goodput_per_second},
          {"sent_mb_per_second", level.sent_mb_per_second},
          {"received_mb_per_second", level.received_mb_per_second},
          {"error_rate", level.error_rate},
          {"latency_ms", ToJson(level.latency)},
          {"service_ms", ToJson(level.service)},
          {"errors", errors},
          {"windows", windows},
          {"server_stages_ms", level.server_stages},
          {"stable", level.stable},
          {"busiest_thread", level.busiest_thread},
          {"checked", level.checked},
          {"different", level.different},
          {"curve_ms", level.curve},
          {"start_lag_ms", ToJson(level.lag)},
          {"provoked", level.provoked},
          {"disturbances", level.disturbances},
          {"missed", level.missed},
          {"interrupted", level.interrupted},
          {"withdrawn", level.withdrawn},
          {"lost", level.lost},
          {"late_failed", level.late_failed},
          {"metrics_error", level.metrics_error},
          {"late_longest_ms", level.late_longest},
          {"doubts", level.Doubts()}};
}

LevelFigures LevelFromJson(const json& value) {
  LevelFigures level;
  value.at("name").get_to(level.name);
  value.at("open").get_to(level.open);
  value.at("load").get_to(level.load);
  value.at("seconds").get_to(level.seconds);
  value.at("succeeded").get_to(level.succeeded);
  value.at("failed").get_to(level.failed);
  value.at("skipped").get_to(level.skipped);
  value.at("offered_per_second").get_to(level.offered_per_second);
  value.at("goodput_per_second").get_to(level.goodput_per_second);
  value.at("sent_mb_per_second").get_to(level.sent_mb_per_second);
  value.at("received_mb_per_second").get_to(level.received_mb_per_second);
  value.at("error_rate").get_to(level.error_rate);
  level.latency = LatencyFromJson(value.at("latency_ms"));
  level.service = LatencyFromJson(value.at("service_ms"));
  for (const auto& [code, error] : value.at("errors").items()) {
    level.errors[code] = ErrorFromJson(error);
  }
  for (const json& window : value.at("windows")) {
    level.windows.push_back(WindowFromJson(window));
  }
  value.at("server_stages_ms").get_to(level.server_stages);
  value.at("stable").get_to(level.stable);
  value.at("busiest_thread").get_to(level.busiest_thread);
  value.at("checked").get_to(level.checked);
  value.at("different").get_to(level.different);
  level.curve = value.value("curve_ms", level.curve);
  level.lag = value.contains("start_lag_ms") ? LatencyFromJson(value.at("start_lag_ms")) : FiguresOf(Histogram());
  level.provoked = value.value("provoked", int64_t{0});
  level.disturbances = value.value("disturbances", int64_t{0});
  level.missed = value.value("missed", "");
  level.interrupted = value.value("interrupted", false);
  level.withdrawn = value.value("withdrawn", int64_t{0});
  level.metrics_error = value.value("metrics_error", "");
  level.lost = value.value("lost", false);
  level.unstarted = value.value("unstarted", int64_t{0});
  level.late_failed = value.value("late_failed", int64_t{0});
  level.late_longest = value.value("late_longest_ms", 0.0);
  return level;
}

}  // namespace

json ToJson(const LoadReport& report) {
  json levels = json::array();
  for (const LevelFigures& level : report.levels) levels.push_back(ToJson(level));
  json result = {{"target", report.target},
                 {"what", report.what},
                 {"request_bytes", report.request_bytes},
                 {"searched", report.searched},
                 {"interrupted", report.interrupted},
                 {"setup", report.setup},
                 {"run", report.run},
                 {"chaos_deeds", report.chaos_deeds},
                 {"ill", report.ill},
                 {"levels", levels}};
  if (report.highest) result["highest"] = *report.highest;
  return result;
}

absl::StatusOr<LoadReport> ReportFromJson(const std::string& text) {
  try {
    const json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (value.is_discarded()) return absl::InvalidArgumentError("expected a report of lossctl load, got no JSON");
    LoadReport report;
    value.at("target").get_to(report.target);
    value.at("what").get_to(report.what);
    value.at("request_bytes").get_to(report.request_bytes);
    value.at("searched").get_to(report.searched);
    report.interrupted = value.value("interrupted", false);
    report.setup = value.value("setup", json::object());
    report.run = value.value("run", json::object());
    report.chaos_deeds = value.value("chaos_deeds", "");
    report.ill = value.value("ill", "");
    if (value.contains("highest")) report.highest = value.at("highest").get<double>();
    for (const json& level : value.at("levels")) report.levels.push_back(LevelFromJson(level));
    return report;
  } catch (const std::exception& error) {
    absl::string_view why = error.what();
    why.remove_prefix(absl::StartsWith(why, "[json.exception") ? why.find(']') + 2 : 0);
    return absl::InvalidArgumentError(absl::StrCat("expected a report of lossctl load, got other JSON: ", why));
  }
}

}  // namespace lossd::load
