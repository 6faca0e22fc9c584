// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <CLI/App.hpp>
#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/load_flags.h"
#include "client/cli/load_values.h"
#include "client/cli/subcommand.h"
#include "client/load/server_stages.h"
#include "core/status/status_macros.h"

namespace lossd::cli {
namespace {

// At any time: each needs some memory here.
constexpr int64_t kMostCalls = 1'000'000;

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
  DeclareLoad(app, "Load");
  DeclareMeasuring(app, "Measuring");
  DeclareObjectives(app, "Objectives (exit code 1 on a miss)");
}

void LoadShapeFlags::DeclareLoad(CLI::App& app, const std::string& group) {
  app.add_option("--concurrency", concurrency_,
                 "Closed loop: calls under way at any time, one level after the other:\n"
                 "16, 1:64 (doubles), 1:64:*4 or 1:64:8; both ends are measured [1]")
      ->type_name("RANGE")
      ->group(group);
  of_closed_loops_ =
      app.add_option("--when-refused", when_refused_,
                     "Closed loop: after a call that the server refuses with a time to wait, the next\n"
                     "one starts when that is over (wait), as in well-behaved clients, or at once (again)")
          ->capture_default_str()
          ->check(CLI::IsMember({"wait", "again"}))
          ->group(group);
  app.add_option("--rate", rate_,
                 "Open loop: calls due per second: 100; 100:1000 (a ramp that lasts --duration);\n"
                 "100:1000:100 or 100:1600:*2 (one level after the other)")
      ->type_name("RANGE")
      ->group(group);
  of_open_loops_ = {
      app.add_option("--arrivals", arrivals_, "Open loop: evenly spaced, or as of many independent callers")
          ->capture_default_str()
          ->check(CLI::IsMember({"constant", "poisson"}))
          ->group(group),
      app.add_option("--max-outstanding", max_outstanding_, "Open loop: calls under way at most")
          ->capture_default_str()
          ->check(CLI::Range(int64_t{1}, kMostCalls))
          ->group(group),
      app.add_option("--when-full", when_full_,
                     "Open loop: what is due while --max-outstanding are under way is skipped and\n"
                     "counted (skip), or starts late (wait); what still waits at the end is skipped")
          ->capture_default_str()
          ->check(CLI::IsMember({"skip", "wait"}))
          ->group(group)};
  DeclareConnections(app, group);
  app.add_option("--chaos", chaos_,
                 "Makes calls go wrong, counted apart; then one more must succeed. cancel: at random\n"
                 "times; short-deadline: mostly too short; disconnect: connections dropped within a\n"
                 "message, beside the load; slow-reader (with --stream): waits before it reads")
      ->check(CLI::IsMember(ChaosKinds()))
      ->group(group);
}

void LoadShapeFlags::DeclareConnections(CLI::App& app, const std::string& group) {
  app.add_option("--connections", connections_, "Connections, taken in turn")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000))
      ->group(group);
  app.add_option("--threads", threads_, "Threads of this client; at most one a connection")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000))
      ->group(group);
  app.add_flag("--stream", stream_, "Messages of one ComputeStream a connection instead of calls")->group(group);
  app.add_option("--header", headers_, "Metadata key:value of every call or stream; may be given again")
      ->type_name("HEADER")
      ->allow_extra_args(false)
      ->group(group);
}

void LoadShapeFlags::DeclareMeasuring(CLI::App& app, const std::string& group) {
  app.add_option("--warmup", warmup_, "Before each level, not counted")
      ->type_name("DURATION")
      ->capture_default_str()
      ->group(group);
  app.add_option("--window", window_, "Length of a window")->type_name("DURATION")->capture_default_str()->group(group);
  app.add_option("--stable-windows", stable_windows_, "A level ends when so many windows in a row agree; they count")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000))
      ->group(group);
  app.add_option("--stability", stability_, "Agree: throughput and p50 within this share of their mean")
      ->type_name("SHARE")
      ->capture_default_str()
      ->group(group);
  app.add_option("--max-windows", max_windows_, "Or after so many; then the last ones count, stable or not")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000))
      ->group(group);
  app.add_option("--duration", duration_, "Measure each level so long instead, in at most 60 windows that all count")
      ->type_name("DURATION")
      ->group(group);
  app.add_option("--calls", calls_, "Make so many calls a level instead, without a warm-up (closed loop)")
      ->type_name("N")
      ->check(CheckPositive)
      ->group(group);
  app.add_option("--verify", verify_, "Compare one of N answers with a local computation, to the byte")
      ->type_name("N")
      ->check(CheckPositive)
      ->group(group);
  app.add_option("--metrics-url", metrics_url_,
                 "The server's http://host:port[/metrics]: its stages, and its flags into the report")
      ->type_name("URL")
      ->group(group);
}

void LoadShapeFlags::DeclareObjectives(CLI::App& app, const std::string& group) {
  app.add_flag("--find-max", find_max_,
               "Find the highest load between the ends of the range that meets them: doubles until\n"
               "one misses, then halves the gap down to 5 %")
      ->group(group);
  app.add_option("--slo-p50", slo_p50_, "Longest median of latency")->type_name("DURATION")->group(group);
  app.add_option("--slo-p90", slo_p90_, "Longest 90th percentile")->type_name("DURATION")->group(group);
  app.add_option("--slo-p99", slo_p99_, "Longest 99th percentile")->type_name("DURATION")->group(group);
  app.add_option("--slo-p999", slo_p999_, "Longest 99.9th percentile")->type_name("DURATION")->group(group);
  app.add_option("--max-error-rate", max_error_rate_,
                 "Share of calls that fail or are skipped; without those that --chaos makes fail")
      ->type_name("SHARE")
      ->capture_default_str()
      ->group(group);
}

absl::Status LoadShapeFlags::CheckLoop(bool open, const Sweep& sweep) const {
  if (open && of_closed_loops_->count() > 0) return UsageError("--when-refused: expected without --rate");
  if (open) return absl::OkStatus();
  for (const CLI::Option* const option : of_open_loops_) {
    if (option->count() > 0) return UsageError(absl::StrCat(option->get_name(), ": expected with --rate"));
  }
  const auto whole = [](double calls) { return calls == std::floor(calls) && calls <= kMostCalls; };
  if (whole(sweep.from) && whole(sweep.to) && (!sweep.step || sweep.step->multiplies || whole(sweep.step->by))) {
    return absl::OkStatus();
  }
  return UsageError(
      absl::StrCat("--concurrency: expected whole numbers of at most ", kMostCalls, ", got '", concurrency_, "'"));
}

absl::Status LoadShapeFlags::FillLevels(load::LoadPlan& plan) const {
  if (!concurrency_.empty() && !rate_.empty()) return UsageError("--rate: expected without --concurrency");
  const bool open = !rate_.empty();
  const char* const flag = open ? "--rate" : "--concurrency";
  LOSSD_ASSIGN_OR_RETURN(const Sweep sweep, ParseSweep(flag, open ? rate_ : concurrency_.empty() ? "1" : concurrency_));
  LOSSD_RETURN_IF_ERROR(CheckLoop(open, sweep));
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
  if (calls_ > 0) {
    if (!duration_.empty()) return UsageError("--calls: expected without --duration");
    if (!rate_.empty()) return UsageError("--calls: expected without --rate");
    measure.calls = calls_;
  }
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
  if (plan.objectives.max_error_rate > 1) {
    return UsageError(absl::StrCat("--max-error-rate: expected at most 100 %, got '", max_error_rate_, "'"));
  }
  struct Objective {
    double share;
    const char* flag;
    const std::string& text;
  };
  for (const auto& [share, flag, text] :
       {Objective{0.5, "--slo-p50", slo_p50_}, Objective{0.9, "--slo-p90", slo_p90_},
        Objective{0.99, "--slo-p99", slo_p99_}, Objective{0.999, "--slo-p999", slo_p999_}}) {
    if (text.empty()) continue;
    LOSSD_ASSIGN_OR_RETURN(plan.objectives.latency[share], ParseLength(flag, text));
  }
  if (find_max_ && plan.objectives.latency.empty())
    return UsageError("--find-max: expected --slo-p99 or the like, got none");
  if (chaos_.empty()) return absl::OkStatus();
  plan.chaos = ChaosKinds().at(chaos_);
  if (stream_ != (plan.chaos == load::ChaosKind::kSlowReader) && plan.chaos != load::ChaosKind::kDisconnect) {
    return UsageError(absl::StrCat("--chaos ", chaos_, ": expected ", stream_ ? "without" : "with", " --stream"));
  }
  const bool secure = plan.engine.client.tls.has_value() || !plan.engine.client.auth_token.empty();
  if (plan.chaos == load::ChaosKind::kDisconnect && secure) {  // It writes to sockets itself, in plain text.
    return UsageError("--chaos disconnect: expected without --tls and --auth-token-file, got one of them");
  }
  return absl::OkStatus();
}

absl::Status LoadShapeFlags::Fill(load::LoadPlan& plan) const {
  LOSSD_RETURN_IF_ERROR(FillMeasure(plan.measure));
  LOSSD_RETURN_IF_ERROR(FillLevels(plan));
  plan.engine.client.channels = connections_;
  plan.engine.threads = threads_;
  plan.engine.stream = stream_;
  plan.engine.again_at_once = when_refused_ == "again";
  for (const std::string& header : headers_) {
    LOSSD_ASSIGN_OR_RETURN(auto metadata, ParseHeader("--header", header));
    plan.metadata.push_back(std::move(metadata));
  }
  plan.verify_every = verify_;
  if (!metrics_url_.empty()) {
    const absl::StatusOr<std::string> url = load::MetricsUrl(metrics_url_);
    if (!url.ok()) return UsageError(absl::StrCat("--metrics-url: ", url.status().message()));
    plan.metrics_url = *url;
  }
  return FillObjectives(plan);
}

}  // namespace lossd::cli
