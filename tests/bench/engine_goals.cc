// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/engine_goals.h"

#include "absl/strings/str_format.h"
#include "tests/bench/engine_row.h"

namespace lossd::bench {
namespace {

constexpr double kMegabyte = 1e6;
constexpr double kBytesAThread = 16 * kMegabyte;
// Times above which a second thread has to pay, and by how much.
constexpr double kWorthThreads = 20e-3;
constexpr double kThreadsGain = 1.8;
// Lead over torch operations written by hand: this much wherever it can be had within the goal for the bound.
constexpr double kLeadByHand = 1.4;

class Judge {
 public:
  void AtMost(const char* what, double value, double limit) { Add(what, value, "at most", limit, value <= limit); }
  void AtLeast(const char* what, double value, double limit) { Add(what, value, "at least", limit, value >= limit); }
  std::vector<GoalVerdict> TakeVerdicts() { return std::move(verdicts_); }

 private:
  void Add(const char* what, double value, const char* relation, double limit, bool met) {
    verdicts_.push_back({absl::StrFormat("%s %.4g (%s %.4g)", what, value, relation, limit), met});
  }

  std::vector<GoalVerdict> verdicts_;
};

// Where the loss takes microseconds, the way through the back end is not what is compared.
void JudgeReference(const EngineRow& row, Judge& judge) {
  if (!row.reference.timing.has_value()) return;
  const double reference = row.reference.timing->min;
  if (row.goals.microseconds == 0) {
    judge.AtLeast("eager reference / lossd", reference / row.lossd.min, row.goals.reference);
  } else if (row.loss.has_value()) {
    judge.AtLeast("eager reference / the loss alone", reference / row.loss->min, row.goals.reference);
  }
}

void JudgeTorch(const EngineRow& row, const char* what, const TorchTiming& torch, Judge& judge) {
  if (!torch.timing.has_value()) return;
  const double reachable = row.best_bound().min * (row.goals.bound > 0 ? row.goals.bound : 1);
  const bool can_lead = torch.timing->min >= kLeadByHand * reachable;
  judge.AtLeast(what, torch.timing->min / row.lossd.min, can_lead ? kLeadByHand : 1.0);
}

}  // namespace

std::vector<GoalVerdict> JudgeGoals(const EngineRow& row, const EngineRow* single) {
  Judge judge;
  if (row.goals.bound > 0) judge.AtMost("lossd / bound", row.lossd.min / row.best_bound().min, row.goals.bound);
  if (row.goals.microseconds > 0 && row.loss.has_value()) {
    judge.AtMost("microseconds of the loss alone", row.loss->min * 1e6, row.goals.microseconds);
  }
  JudgeReference(row, judge);
  JudgeTorch(row, "torch by hand / lossd", row.by_hand, judge);
  JudgeTorch(row, "torch compiled / lossd", row.compiled, judge);
  if (single != nullptr && row.threads == 2 && single->lossd.min > kWorthThreads) {
    judge.AtLeast("one thread / two", single->lossd.min / row.lossd.min, kThreadsGain);
  }
  const double most_bytes = row.goals.extra_bytes > 0 ? row.goals.extra_bytes : kBytesAThread * row.threads;
  judge.AtMost("MB beyond inputs and results", static_cast<double>(row.extra_bytes) / kMegabyte,
               most_bytes / kMegabyte);
  judge.AtMost("allocations a request", row.allocations, 0);
  return judge.TakeVerdicts();
}

}  // namespace lossd::bench
