// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Compares a run with an earlier one.

#ifndef LOSSD_CLIENT_LOAD_LOAD_COMPARE_H_
#define LOSSD_CLIENT_LOAD_LOAD_COMPARE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "client/load/load_report.h"

namespace lossd::load {

// How much a figure has changed, as a share of what it was. Unknown where it was not positive.
struct Change {
  bool known = true;            // Else one of the runs has no such figure.
  double share = 0;             // 0.1: a tenth more.
  std::optional<double> noise;  // Half-width of the 95 % confidence interval; absent with fewer than two windows.

  // Whether chance alone may have made it.
  bool InNoise() const { return noise && share <= *noise && -share <= *noise; }
};

// The change from `before` to `now`, with its noise from the figures of the windows of each run: Welch's t interval,
// which supposes windows that are independent of each other and levels that do not drift.
Change ChangeOf(double before, double now, absl::Span<const double> windows_before,
                absl::Span<const double> windows_now);

struct LevelChange {
  std::string name;
  bool in_baseline = false;  // Else there are no changes.
  Change goodput;
  Change p50;
  Change p99;
};

// For every level of `current`, against the level of that name in `baseline`.
std::vector<LevelChange> ChangesOf(const LoadReport& baseline, const LoadReport& current);

// What differs in the set-ups, then a table of the changes with their noise; those inside it are marked.
std::string ComparisonText(const LoadReport& baseline, const LoadReport& current);

// Why it means nothing that no level of `current` is worse: another request, or no level of that name; empty where it
// means something.
std::string WhyNotComparable(const LoadReport& baseline, const LoadReport& current);

// Names of the levels that are worse than in `baseline`: goodput lower or p99 higher by more than the share `tolerance`
// and by more than the noise.
std::vector<std::string> Regressions(const LoadReport& baseline, const LoadReport& current, double tolerance);

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_LOAD_COMPARE_H_
