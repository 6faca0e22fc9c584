// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/load_report.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace lossd::load {
namespace {

// Above this the client's own threads may be what limits the load.
constexpr double kBusy = 0.9;
// Starts may be late by so many milliseconds, or by this share of the median service time, whichever is more.
constexpr double kLate = 1;
constexpr double kLateShare = 0.1;

double Milliseconds(const Histogram& histogram, double share) {
  return absl::ToDoubleMilliseconds(histogram.Percentile(share));
}

// Calls a second that were asked for: in a closed loop, those that ended make room for others.
double Offered(const Recording& calls, bool open, double seconds) {
  return static_cast<double>((open ? calls.succeeded : calls.answers.count()) + calls.failed() + calls.skipped) /
         seconds;
}

// How long the longest call took, failed or not.
double LongestMilliseconds(const Recording& calls) {
  absl::Duration longest = calls.latency.Maximum();
  for (const auto& [code, error] : calls.errors) longest = std::max(longest, error.time.Maximum());
  return absl::ToDoubleMilliseconds(longest);
}

WindowFigures FiguresOf(const Window& window, bool open) {
  const Recording& calls = window.calls;
  WindowFigures figures;
  figures.start = absl::ToDoubleSeconds(window.start);
  figures.seconds = absl::ToDoubleSeconds(window.length);
  figures.calls = calls.succeeded;
  figures.skipped = calls.skipped;
  figures.calls_per_second = static_cast<double>(calls.answers.count()) / figures.seconds;
  figures.offered_per_second = Offered(calls, open, figures.seconds);
  figures.p50 = Milliseconds(calls.latency, 0.5);
  figures.p90 = Milliseconds(calls.latency, 0.9);
  figures.p99 = Milliseconds(calls.latency, 0.99);
  figures.p999 = Milliseconds(calls.latency, 0.999);
  for (const auto& [code, count] : calls.errors) figures.errors[absl::StatusCodeToString(code)] = count.calls;
  figures.counts = window.counts;
  return figures;
}

// Eight shares for every nine.
std::vector<std::pair<double, double>> CurveOf(const Histogram& histogram) {
  std::vector<std::pair<double, double>> curve;
  for (int i = 0; std::pow(10, i / 8.0) <= static_cast<double>(histogram.count()); ++i) {
    const double share = 1 - std::pow(10, -i / 8.0);
    curve.emplace_back(share, Milliseconds(histogram, share));
  }
  return curve;
}

ErrorFigures FiguresOf(const ErrorCount& count) {
  return {count.calls, count.example, Milliseconds(count.time, 0.5), Milliseconds(count.time, 0.99),
          Milliseconds(count.time, 1)};
}

}  // namespace

std::string HighestInWords(const LoadReport& report) {
  if (!report.highest) return report.interrupted ? "not found, interrupted" : "none";
  std::string text = absl::StrFormat("%g%s", *report.highest, report.interrupted ? " so far, interrupted" : "");
  const auto found = std::find_if(report.levels.begin(), report.levels.end(), [&](const LevelFigures& level) {
    return level.load == *report.highest && level.missed.empty();
  });
  if (found != report.levels.end() && !found->latency.Supports(0.99)) {
    absl::StrAppend(&text, " (its p99 is the maximum of ", found->latency.samples, " calls)");
  }
  return text;
}

std::string WhyDifferent(const LoadReport& report) {
  const auto differs = [](const LevelFigures& level) { return level.different > 0; };
  if (std::none_of(report.levels.begin(), report.levels.end(), differs)) return "";
  const nlohmann::json flags = report.setup.value("server_flags", nlohmann::json::object());
  const std::string precision = flags.value("compute_precision", "fp32");
  std::string device = "cpu";
  if (const auto devices = report.setup.find("server_devices"); devices != report.setup.end() && !devices->empty()) {
    device = devices->front().get<std::string>();
  }
  device = device.substr(0, device.find(','));
  if (device == "cpu" && precision == "fp32") return "";
  return absl::StrCat("the server computes on ", device, " in ", precision,
                      ", and answers are compared with those of cpu in fp32, to the byte");
}

LatencyFigures FiguresOf(const Histogram& histogram) {
  LatencyFigures figures;
  for (const double share : kShares) {
    const absl::Duration value = share == 0 ? histogram.Minimum() : histogram.Percentile(share);
    figures.percentiles.push_back(absl::ToDoubleMilliseconds(value));
  }
  figures.mean = absl::ToDoubleMilliseconds(histogram.Mean());
  figures.samples = histogram.count();
  return figures;
}

double LatencyFigures::At(double share) const {
  const auto* const found = std::find(std::begin(kShares), std::end(kShares), share);
  return percentiles.at(static_cast<size_t>(found - std::begin(kShares)));
}

bool LatencyFigures::Supports(double share) const {
  return samples > 0 && (share >= 1 || static_cast<double>(samples) * (1 - share) > 1 - 1e-6);
}

std::vector<std::string> LevelFigures::Doubts() const {
  std::vector<std::string> doubts;
  if (interrupted) {
    doubts.push_back(absl::StrFormat(
        "interrupted: the figures are those up to then; %d calls under way were cancelled and are in none of them",
        withdrawn));
  }
  if (lost) doubts.emplace_back("ended early: all connections were down for a second");
  if (!stable) doubts.emplace_back("the figures did not become stable");
  if (busiest_thread > kBusy) {
    doubts.push_back(absl::StrFormat(
        "this client is the bottleneck (a thread of it used %.0f %% of a processor): use --threads and --connections",
        100 * busiest_thread));
  }
  const double bound = std::max(kLate, kLateShare * service.At(0.5));
  if (lag.Supports(0.99) && lag.At(0.99) > bound) {
    doubts.push_back(
        absl::StrFormat("this client started calls late (p99 %.3f ms, expected at most %.3f ms): latencies contain it",
                        lag.At(0.99), bound));
  }
  if (!metrics_error.empty()) doubts.push_back(absl::StrCat("the server's metrics were not read: ", metrics_error));
  const double window = windows.empty() ? 0 : 1000 * windows.back().seconds;
  if (!interrupted && (late_failed > 0 || late_longest > window)) {
    doubts.push_back(absl::StrFormat(
        "calls that were under way at the end took up to %.3f ms, and %d of them failed: latencies and errors contain "
        "them, goodput does not",
        late_longest, late_failed));
  }
  if (skipped > unstarted) {
    doubts.push_back(absl::StrFormat(
        "%d arrivals were skipped because --max-outstanding calls were under way: latencies leave them out",
        skipped - unstarted));
  }
  if (unstarted > 0) {
    doubts.push_back(absl::StrFormat(
        "%d arrivals were still to be started at the end, and are counted as skipped: latencies leave them out",
        unstarted));
  }
  return doubts;
}

LevelFigures FiguresOf(const LevelResult& result, int64_t request_bytes) {
  const Recording& calls = result.calls;
  LevelFigures figures;
  figures.name = NameOf(result.level);
  figures.open = result.level.arrivals.has_value();
  figures.load = figures.open ? result.level.arrivals->to_rate : static_cast<double>(result.level.concurrency);
  figures.seconds = absl::ToDoubleSeconds(result.length);
  figures.succeeded = calls.succeeded;
  figures.failed = calls.failed();
  figures.skipped = calls.skipped;
  figures.unstarted = calls.unstarted;
  figures.offered_per_second = Offered(calls, figures.open, figures.seconds);
  figures.goodput_per_second = static_cast<double>(calls.answers.count()) / figures.seconds;
  figures.sent_mb_per_second = figures.goodput_per_second * static_cast<double>(request_bytes) / 1e6;
  figures.received_mb_per_second = static_cast<double>(calls.received_bytes) / figures.seconds / 1e6;
  figures.error_rate = calls.ErrorRate();
  figures.latency = FiguresOf(calls.latency);
  figures.curve = CurveOf(calls.latency);
  figures.service = FiguresOf(calls.service);
  figures.lag = FiguresOf(calls.lag);
  for (const auto& [code, count] : calls.errors) {
    figures.errors[absl::StatusCodeToString(code)] = FiguresOf(count);
  }
  for (const Window& window : result.windows) figures.windows.push_back(FiguresOf(window, figures.open));
  figures.stable = result.stable;
  figures.busiest_thread = result.busiest_thread;
  figures.checked = calls.checked;
  figures.different = calls.different;
  figures.provoked = calls.provoked;
  figures.interrupted = result.interrupted;
  figures.lost = result.lost;
  figures.withdrawn = result.withdrawn;
  figures.late_failed = result.late.failed();
  figures.late_longest = LongestMilliseconds(result.late);
  return figures;
}

}  // namespace lossd::load
