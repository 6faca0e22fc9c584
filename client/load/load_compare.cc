// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/load_compare.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/load/load_setup.h"

namespace lossd::load {
namespace {

struct Sample {
  double mean = 0;
  double variance = 0;  // Of the mean.
  double freedom = 0;   // Degrees of freedom.
};

Sample SampleOf(absl::Span<const double> values) {
  Sample sample;
  const auto count = static_cast<double>(values.size());
  for (const double value : values) sample.mean += value / count;
  for (const double value : values) sample.variance += (value - sample.mean) * (value - sample.mean);
  sample.freedom = count - 1;
  sample.variance /= sample.freedom * count;
  return sample;
}

// The 97.5 % quantile of Student's t: a table with straight lines between its values, and 1.96 + 2.7 / n (to 0.02) from
// 10 degrees of freedom.
double StudentQuantile(double freedom) {
  constexpr double kTable[] = {12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23};
  if (freedom >= 10) return 1.96 + 2.7 / freedom;
  const double below = std::floor(std::max(1.0, freedom));
  const double* const value = kTable + static_cast<size_t>(below) - 1;
  return value[0] + (std::max(1.0, freedom) - below) * (value[1] - value[0]);
}

template <typename Figure>
std::vector<double> OfWindows(const LevelFigures& level, Figure figure) {
  std::vector<double> values;
  for (const WindowFigures& window : level.windows) {
    if (window.counts) values.push_back(window.*figure);
  }
  return values;
}

const LevelFigures* LevelCalled(const std::string& name, const LoadReport& report) {
  const auto found = std::find_if(report.levels.begin(), report.levels.end(),
                                  [&](const LevelFigures& level) { return level.name == name; });
  return found == report.levels.end() ? nullptr : &*found;
}

Change WithoutFigure() {
  Change change;
  change.known = false;
  return change;
}

LevelChange Between(const LevelFigures& before, const LevelFigures& now) {
  const auto change = [&](double from, double to, double WindowFigures::*figure) {
    return ChangeOf(from, to, OfWindows(before, figure), OfWindows(now, figure));
  };
  const auto latency = [&](double share, double WindowFigures::*figure) {
    if (before.succeeded == 0 || now.succeeded == 0) return WithoutFigure();
    return change(before.latency.At(share), now.latency.At(share), figure);
  };
  return {now.name, true, change(before.goodput_per_second, now.goodput_per_second, &WindowFigures::calls_per_second),
          latency(0.5, &WindowFigures::p50), latency(0.99, &WindowFigures::p99)};
}

std::string InWords(const Change& change) {
  if (!change.known) return "no figure";
  if (!change.noise) return absl::StrFormat("%+.1f %%", 100 * change.share);
  return absl::StrFormat("%+.1f %% (noise %.1f %%)%s", 100 * change.share, 100 * *change.noise,
                         change.InNoise() ? " ~" : "");
}

}  // namespace

Change ChangeOf(double before, double now, absl::Span<const double> windows_before,
                absl::Span<const double> windows_now) {
  if (before <= 0) return WithoutFigure();
  Change change;
  change.share = now / before - 1;
  if (windows_before.size() < 2 || windows_now.size() < 2) return change;
  const Sample old_sample = SampleOf(windows_before), new_sample = SampleOf(windows_now);
  const double variance = old_sample.variance + new_sample.variance;
  if (variance <= 0) {
    change.noise = 0;
    return change;
  }
  const double freedom = variance * variance /
                         (old_sample.variance * old_sample.variance / old_sample.freedom +
                          new_sample.variance * new_sample.variance / new_sample.freedom);
  change.noise = StudentQuantile(freedom) * std::sqrt(variance) / before;
  return change;
}

std::vector<LevelChange> ChangesOf(const LoadReport& baseline, const LoadReport& current) {
  std::vector<LevelChange> changes;
  for (const LevelFigures& level : current.levels) {
    const LevelFigures* const before = LevelCalled(level.name, baseline);
    changes.push_back(before == nullptr ? LevelChange{level.name, false, {}, {}, {}} : Between(*before, level));
  }
  return changes;
}

std::string ComparisonText(const LoadReport& baseline, const LoadReport& current) {
  std::string out;
  const auto differences = SetupDifferences(baseline.setup, current.setup);
  for (const std::string& difference : differences)
    absl::StrAppend(&out, "warning: another set-up: ", difference, "\n");
  if (baseline.setup.empty()) absl::StrAppend(&out, "warning: the baseline does not say how it was set up\n");
  if (baseline.interrupted) absl::StrAppend(&out, "warning: the baseline was interrupted\n");
  absl::StrAppendFormat(&out, "%-20s %-26s %-26s %s\n", "against baseline", "goodput", "p50", "p99");
  bool noisy = false, unknown = false;
  for (const LevelChange& change : ChangesOf(baseline, current)) {
    if (!change.in_baseline) {
      absl::StrAppend(&out, change.name, ": not in the baseline\n");
      continue;
    }
    absl::StrAppendFormat(&out, "%-20s %-26s %-26s %s\n", change.name, InWords(change.goodput), InWords(change.p50),
                          InWords(change.p99));
    for (const Change* figure : {&change.goodput, &change.p50, &change.p99}) {
      noisy |= figure->InNoise();
      unknown |= figure->known && !figure->noise.has_value();
    }
  }
  for (const LevelFigures& level : baseline.levels) {
    if (LevelCalled(level.name, current) == nullptr) {
      absl::StrAppend(&out, level.name, ": in the baseline, not measured now\n");
    }
  }
  if (noisy) absl::StrAppend(&out, "~: inside the noise of the windows (95 %), no difference was shown\n");
  if (unknown) absl::StrAppend(&out, "without noise: fewer than two windows in one of the runs\n");
  return out;
}

std::string WhyNotComparable(const LoadReport& baseline, const LoadReport& current) {
  if (baseline.what != current.what || baseline.request_bytes != current.request_bytes) {
    return absl::StrFormat("the baseline is of another request: %s, %d bytes", baseline.what, baseline.request_bytes);
  }
  const auto changes = ChangesOf(baseline, current);
  const auto common = [](const LevelChange& change) { return change.in_baseline; };
  if (std::none_of(changes.begin(), changes.end(), common)) return "the baseline has none of the levels";
  return "";
}

std::vector<std::string> Regressions(const LoadReport& baseline, const LoadReport& current, double tolerance) {
  std::vector<std::string> names;
  for (const LevelChange& change : ChangesOf(baseline, current)) {
    const bool less = change.goodput.share < -tolerance && !change.goodput.InNoise();
    const bool later = change.p99.share > tolerance && !change.p99.InNoise();
    if (change.in_baseline && (less || later)) names.push_back(change.name);
  }
  return names;
}

}  // namespace lossd::load
