// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <CLI/App.hpp>
#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/str_cat.h"
#include "client/cli/load_flags.h"
#include "client/cli/load_values.h"
#include "client/cli/subcommand.h"
#include "core/status/status_macros.h"

namespace lossd::cli {
namespace {

const std::map<std::string, load::ChaosKind>& ChaosKinds() {
  static const auto& kinds = *[] {
    auto* const map = new std::map<std::string, load::ChaosKind>;
    for (const load::ChaosKind kind : {load::ChaosKind::kCancel, load::ChaosKind::kShortDeadline,
                                       load::ChaosKind::kDisconnect, load::ChaosKind::kSlowReader}) {
      (*map)[std::string(load::ChaosName(kind))] = kind;
    }
    return map;
  }();
  return kinds;
}

}  // namespace

void LoadShapeFlags::Declare(CLI::App& app) {
  const std::string load = "Load";
  app.add_option("--concurrency", concurrency_,
                 "Closed loop: calls at any time: 16, 1:64 (doubles), 1:64:*4, 1:64:8; both ends are measured [1]")
      ->group(load);
  app.add_option(
         "--rate", rate_,
         "Open loop: calls per second: 100, 100:1000 (rises over --duration), 100:1000:100 (one level after the other)")
      ->group(load);
  app.add_option("--arrivals", arrivals_, "constant or poisson")
      ->capture_default_str()
      ->check(CLI::IsMember({"constant", "poisson"}))
      ->group(load);
  app.add_option("--max-outstanding", max_outstanding_, "Open loop: calls under way at most")
      ->capture_default_str()
      ->check(CLI::PositiveNumber)
      ->group(load);
  app.add_option("--when-full", when_full_,
                 "Open loop: arrivals beyond --max-outstanding are skipped and counted (skip), or start late (wait)")
      ->capture_default_str()
      ->check(CLI::IsMember({"skip", "wait"}))
      ->group(load);
  app.add_option("--connections", connections_, "Connections, taken in turn")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000))
      ->group(load);
  app.add_option("--threads", threads_, "Threads of this client; at most one a connection")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000))
      ->group(load);
  app.add_flag("--stream", stream_, "Messages of one ComputeStream a connection instead of calls")->group(load);
  app.add_option("--chaos", chaos_, "cancel, short-deadline, disconnect or slow-reader (with --stream)")
      ->check(CLI::IsMember(ChaosKinds()))
      ->group(load);

  const std::string measuring = "Measuring";
  app.add_option("--warmup", warmup_, "Not counted")->capture_default_str()->group(measuring);
  app.add_option("--window", window_, "Length of a window")->capture_default_str()->group(measuring);
  app.add_option("--stable-windows", stable_windows_, "Windows in a row that must agree")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000))
      ->group(measuring);
  app.add_option("--stability", stability_, "By how much they may differ from their mean")
      ->capture_default_str()
      ->group(measuring);
  app.add_option("--max-windows", max_windows_, "Then the last ones count, stable or not")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000))
      ->group(measuring);
  app.add_option("--duration", duration_, "Measure so long instead")->group(measuring);
  app.add_option("--verify", verify_, "Compare one of N answers with a local computation, to the byte")
      ->check(CLI::PositiveNumber)
      ->group(measuring);
  app.add_option("--metrics-url", metrics_url_, "The server's http://host:port/metrics: where its time goes")
      ->group(measuring);

  const std::string objectives = "Objectives (exit code 1 on a miss)";
  app.add_flag("--find-max", find_max_, "Find the highest load in the range that meets them")->group(objectives);
  app.add_option("--slo-p99", slo_p99_, "Longest 99th percentile of latency")->group(objectives);
  app.add_option("--max-error-rate", max_error_rate_, "Failed and skipped calls; without chaos")
      ->capture_default_str()
      ->group(objectives);
}

absl::Status LoadShapeFlags::FillLevels(load::LoadPlan& plan) const {
  if (!concurrency_.empty() && !rate_.empty()) return UsageError("--rate: expected without --concurrency");
  const bool open = !rate_.empty();
  const char* const flag = open ? "--rate" : "--concurrency";
  LOSSD_ASSIGN_OR_RETURN(const Sweep sweep, ParseSweep(flag, open ? rate_ : concurrency_.empty() ? "1" : concurrency_));
  const bool rises = sweep.to >= sweep.from;
  if (!rises && (!open || find_max_)) return UsageError(absl::StrCat(flag, ": expected a range that rises"));
  if (find_max_ && sweep.step) return UsageError(absl::StrCat(flag, ": expected no step with --find-max"));
  if (find_max_) {
    plan.search = load::SearchRange{sweep.from, sweep.to};
    plan.search->whole = !open;
  }
  load::Level level;
  level.max_outstanding = max_outstanding_;
  level.wait_for_room = when_full_ == "wait";
  if (open && sweep.from != sweep.to && !sweep.step && !find_max_) return AddRamp(sweep, level, plan);
  for (const double load : LoadsOf(sweep, /*whole=*/!open)) {
    level.concurrency = static_cast<int64_t>(load);
    if (open)
      level.arrivals = load::ArrivalOptions{load, load, absl::ZeroDuration(), arrivals_ == "poisson", plan.seed};
    plan.levels.push_back(level);
  }
  return absl::OkStatus();
}

absl::Status LoadShapeFlags::AddRamp(const Sweep& sweep, load::Level level, load::LoadPlan& plan) const {
  if (!plan.measure.duration) return UsageError("--rate: expected --duration or a step with a range, got neither");
  level.arrivals =
      load::ArrivalOptions{sweep.from, sweep.to, *plan.measure.duration, arrivals_ == "poisson", plan.seed};
  plan.measure.warmup = absl::ZeroDuration();
  plan.levels = {level};
  return absl::OkStatus();
}

absl::Status LoadShapeFlags::FillMeasure(load::MeasureOptions& measure) const {
  LOSSD_ASSIGN_OR_RETURN(measure.warmup, ParseLength("--warmup", warmup_));
  LOSSD_ASSIGN_OR_RETURN(measure.window, ParseLength("--window", window_));
  LOSSD_ASSIGN_OR_RETURN(measure.stability, ParseShare("--stability", stability_));
  if (measure.window < absl::Milliseconds(10)) return UsageError("--window: expected at least 10ms");
  measure.stable_windows = stable_windows_;
  measure.max_windows = std::max(max_windows_, stable_windows_);
  if (duration_.empty()) return absl::OkStatus();
  LOSSD_ASSIGN_OR_RETURN(measure.duration, ParseLength("--duration", duration_));
  if (*measure.duration < absl::Milliseconds(10)) return UsageError("--duration: expected at least 10ms");
  // Whole windows, and not so many that they need memory.
  const double windows = std::clamp(std::round(absl::FDivDuration(*measure.duration, measure.window)), 1.0, 60.0);
  measure.window = *measure.duration / windows;
  return absl::OkStatus();
}

absl::Status LoadShapeFlags::FillObjectives(load::LoadPlan& plan) const {
  LOSSD_ASSIGN_OR_RETURN(plan.objectives.max_error_rate, ParseShare("--max-error-rate", max_error_rate_));
  if (!slo_p99_.empty()) {
    LOSSD_ASSIGN_OR_RETURN(plan.objectives.p99, ParseLength("--slo-p99", slo_p99_));
  }
  if (find_max_ && !plan.objectives.p99) return UsageError("--find-max: expected --slo-p99, got none");
  if (chaos_.empty()) return absl::OkStatus();
  plan.chaos = ChaosKinds().at(chaos_);
  if (stream_ != (plan.chaos == load::ChaosKind::kSlowReader) && plan.chaos != load::ChaosKind::kDisconnect) {
    return UsageError(absl::StrCat("--chaos ", chaos_, ": expected ", stream_ ? "without" : "with", " --stream"));
  }
  return absl::OkStatus();
}

absl::Status LoadShapeFlags::Fill(load::LoadPlan& plan) const {
  LOSSD_RETURN_IF_ERROR(FillMeasure(plan.measure));
  LOSSD_RETURN_IF_ERROR(FillLevels(plan));
  plan.engine.client.channels = connections_;
  plan.engine.threads = threads_;
  plan.engine.stream = stream_;
  plan.verify_every = verify_;
  plan.metrics_url = metrics_url_;
  return FillObjectives(plan);
}

}  // namespace lossd::cli
