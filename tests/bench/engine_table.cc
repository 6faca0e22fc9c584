// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/engine_table.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace lossd::bench {
namespace {

// How many times lossd's smallest time another one is.
std::string Ratio(const std::optional<Timing>& other, const Timing& lossd) {
  if (!other.has_value()) return "-";
  const double ratio = other->min / lossd.min;
  return absl::StrFormat("%.*fx", ratio >= 99.5 ? 0 : ratio >= 9.95 ? 1 : 2, ratio);
}

std::string GoalCount(const std::vector<GoalVerdict>& verdicts) {
  const auto met = std::count_if(verdicts.begin(), verdicts.end(), [](const GoalVerdict& v) { return v.met; });
  return absl::StrFormat("%d/%d", met, verdicts.size());
}

std::string Missed(const EngineReport& report) {
  std::string text;
  for (const EngineRow& row : report.rows) {
    for (const GoalVerdict& verdict : JudgeGoals(row, FindSingle(report.rows, row))) {
      if (!verdict.met) absl::StrAppendFormat(&text, "  %-34s %2d  %s\n", row.name, row.threads, verdict.text);
    }
  }
  return text.empty() ? "All goals met.\n" : absl::StrCat("Goals missed:\n", text);
}

}  // namespace

std::string TimeText(double seconds) {
  constexpr const char* kUnits[] = {"ns", "us", "ms", "s"};
  double value = seconds * 1e9;
  size_t unit = 0;
  while (value >= 999.5 && unit < 3) {
    value /= 1000;
    ++unit;
  }
  const int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return absl::StrFormat("%.*f %s", decimals, value, kUnits[unit]);
}

std::string TableHeader() {
  return absl::StrFormat("%-33s %3s %17s %15s %26s %15s\n%-33s %3s %8s %8s %7s %7s %8s %8s %8s %7s %7s %5s\n", "", "",
                         "lossd       ", "lossd / bound", "PyTorch / lossd      ", "beyond results", "case", "thr",
                         "min", "median", "min", "median", "eager", "by hand", "compiled", "MB", "allocs", "goals");
}

std::string TableLine(const EngineRow& row, const EngineRow* single) {
  return absl::StrFormat(
      "%-33s %3d %8s %8s %7.2f %7.2f %8s %8s %8s %7.2f %7s %5s\n", row.name, row.threads, TimeText(row.lossd.min),
      TimeText(row.lossd.median), row.lossd.min / row.best_bound().min, row.lossd.median / row.best_bound().median,
      Ratio(row.reference.timing, row.lossd), Ratio(row.by_hand.timing, row.lossd),
      Ratio(row.compiled.timing, row.lossd), static_cast<double>(row.extra_bytes) / 1e6,
      absl::StrFormat("%.3g/%.3g", row.loss_allocations, row.allocations), GoalCount(JudgeGoals(row, single)));
}

std::string NeighbourHeader() {
  return absl::StrFormat(
      "\nBeside a process that wants a processor all the time (eager PyTorch: the reference, OpenMP), means\n"
      "%-33s %3s %10s %10s %9s %13s %10s %9s\n",
      "case", "thr", "lossd", "beside", "slowdown", "eager PyTorch", "beside", "slowdown");
}

std::string NeighbourLine(const NeighbourRow& row) {
  std::string line = absl::StrFormat("%-33s %3d %10s %10s %8.2fx", row.name, row.threads, TimeText(row.lossd.mean),
                                     TimeText(row.lossd_beside.mean), row.lossd_beside.mean / row.lossd.mean);
  if (row.torch.has_value() && row.torch_beside.has_value()) {
    absl::StrAppendFormat(&line, " %13s %10s %8.2fx", TimeText(row.torch->mean), TimeText(row.torch_beside->mean),
                          row.torch_beside->mean / row.torch->mean);
  }
  return line + "\n";
}

std::string Bf16Table(const EngineReport& report) {
  std::string text;
  for (const EngineRow& row : report.rows) {
    if (!row.bf16.has_value()) continue;
    absl::StrAppendFormat(&text, "%-33s %3d %10s %10s %9.2fx %15.2g\n", row.name, row.threads, TimeText(row.lossd.min),
                          TimeText(row.bf16->min), row.lossd.min / row.bf16->min, row.bf16_error);
  }
  if (text.empty()) return "";
  return absl::StrCat(
      "\nMatrix products in bf16 (--compute_precision); error: length of the gradients' difference over their length\n",
      absl::StrFormat("%-33s %3s %10s %10s %10s %15s\n", "case", "thr", "fp32", "bf16", "faster", "gradient error"),
      text);
}

std::string TableNotes(const EngineReport& report) {
  std::set<std::string> bounds, absent;
  for (const EngineRow& row : report.rows) {
    bounds.insert(absl::StrCat("  ", row.loss_title, ": ", row.bound_text, "\n"));
    for (const auto& [name, torch] :
         {std::pair("eager", &row.reference), {"by hand", &row.by_hand}, {"compiled", &row.compiled}}) {
      if (!torch->timing.has_value()) absent.insert(absl::StrCat(name, ": ", torch->variant));
    }
  }
  if (bounds.empty()) return "";
  std::string text = absl::StrCat("\n", Missed(report), "Bounds:\n");
  for (const std::string& line : bounds) absl::StrAppend(&text, line);
  absl::StrAppend(&text,
                  "MB: peak of a cold request beyond its inputs, CPC's parameters among them, and results.\n"
                  "Allocations: of the loss / of a whole request, once warm.\n");
  if (!absent.empty()) absl::StrAppend(&text, "Not run (-):\n");
  for (const std::string& line : absent) absl::StrAppend(&text, "  ", line, "\n");
  return text;
}

}  // namespace lossd::bench
