// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/load_report.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace lossd::load {
namespace {

LatencyFigures FiguresOf(const Histogram& histogram) {
  LatencyFigures figures;
  for (const double share : kShares) {
    const absl::Duration value = share == 0 ? histogram.Minimum() : histogram.Percentile(share);
    figures.percentiles.push_back(absl::ToDoubleMilliseconds(value));
  }
  figures.mean = absl::ToDoubleMilliseconds(histogram.Mean());
  return figures;
}

WindowFigures FiguresOf(const Window& window) {
  return {absl::ToDoubleSeconds(window.start),
          static_cast<double>(window.calls.succeeded) / absl::ToDoubleSeconds(window.length),
          absl::ToDoubleMilliseconds(window.calls.latency.Percentile(0.5)),
          absl::ToDoubleMilliseconds(window.calls.latency.Percentile(0.99))};
}

std::string NameOf(const Level& level) {
  if (!level.arrivals) return absl::StrCat("concurrency ", level.concurrency);
  const ArrivalOptions& arrivals = *level.arrivals;
  if (arrivals.from_rate == arrivals.to_rate) return absl::StrFormat("rate %g", arrivals.to_rate);
  return absl::StrFormat("rate %g:%g", arrivals.from_rate, arrivals.to_rate);
}

}  // namespace

double LatencyFigures::At(double share) const {
  const auto* const found = std::find(std::begin(kShares), std::end(kShares), share);
  return percentiles.at(static_cast<size_t>(found - std::begin(kShares)));
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
  figures.offered_per_second = static_cast<double>(calls.succeeded + figures.failed + calls.skipped) / figures.seconds;
  figures.goodput_per_second = static_cast<double>(calls.succeeded) / figures.seconds;
  figures.sent_mb_per_second = figures.goodput_per_second * static_cast<double>(request_bytes) / 1e6;
  figures.received_mb_per_second = static_cast<double>(calls.received_bytes) / figures.seconds / 1e6;
  figures.error_rate = calls.ErrorRate();
  figures.latency = FiguresOf(calls.latency);
  figures.service = FiguresOf(calls.service);
  for (const auto& [code, count] : calls.errors) {
    figures.errors[absl::StatusCodeToString(code)] = {count.calls, count.example};
  }
  for (const Window& window : result.windows) figures.windows.push_back(FiguresOf(window));
  figures.stable = result.stable;
  figures.busiest_thread = result.busiest_thread;
  figures.checked = calls.checked;
  figures.different = calls.different;
  return figures;
}

}  // namespace lossd::load
