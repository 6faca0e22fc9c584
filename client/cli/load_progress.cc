// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/load_progress.h"

#include "absl/strings/str_format.h"
#include "client/load/load_report.h"

namespace lossd::cli {
namespace {

constexpr char kWipe[] = "\r\x1b[K";

std::string ProgressLine(const load::Level& level, const load::Window& window) {
  return absl::StrFormat("%s, %.0f s: %.0f calls/s, p50 %.3f ms, p99 %.3f ms, %d errors, %d skipped",
                         load::NameOf(level), absl::ToDoubleSeconds(window.start + window.length),
                         static_cast<double>(window.calls.answers.count()) / absl::ToDoubleSeconds(window.length),
                         absl::ToDoubleMilliseconds(window.calls.answers.Percentile(0.5)),
                         absl::ToDoubleMilliseconds(window.calls.answers.Percentile(0.99)), window.calls.failed(),
                         window.calls.skipped);
}

}  // namespace

LoadProgress::~LoadProgress() {
  if (terminal_) out_ << kWipe << std::flush;
}

void LoadProgress::Show(absl::Time now, const load::Level& level, const load::Window& window) {
  if (terminal_) {
    out_ << kWipe << ProgressLine(level, window) << std::flush;
    return;
  }
  if (interval_ <= absl::ZeroDuration()) return;
  if (!last_) last_ = now - window.length;
  if (now - *last_ < interval_) return;
  last_ = now;
  out_ << ProgressLine(level, window) << std::endl;
}

}  // namespace lossd::cli
