// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/load_run.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cpp/client.h"
#include "client/load/answer_check.h"
#include "client/load/broken_calls.h"
#include "client/load/load_setup.h"
#include "client/load/server_stages.h"
#include "core/process/build_info.h"
#include "core/status/status_macros.h"

namespace lossd::load {
namespace {

// The metrics of a server, where there are any to read.
absl::StatusOr<StageSums> ReadStages(const std::string& url) {
  if (url.empty()) return StageSums();
  LOSSD_ASSIGN_OR_RETURN(const std::string text, FetchText(url));
  if (!HasMetricsOfLossd(text)) {
    return absl::UnavailableError(absl::StrCat(url, ": expected metrics of lossd, got none whose name begins so"));
  }
  return ParseStages(text);
}

// Makes one call. An error where the server says that it will never take such a request.
absl::Status CheckRequest(const LoadPlan& plan) {
  client::ClientOptions options = plan.engine.client;
  options.channels = 1;
  options.patience = absl::ZeroDuration();
  options.timeout = std::min(options.timeout, absl::Seconds(1));
  LOSSD_ASSIGN_OR_RETURN(const auto client, client::Client::Connect(plan.engine.target, options));
  const absl::Status status = client->Compute(plan.request).status();
  return absl::IsInvalidArgument(status) || absl::IsUnimplemented(status) ? status : absl::OkStatus();
}

// When and how the run was made.
nlohmann::json RunOf(const LoadPlan& plan) {
  nlohmann::json objectives = {{"max_error_rate", plan.objectives.max_error_rate}};
  for (const auto& [share, longest] : plan.objectives.latency) {
    objectives[absl::StrFormat("p%g_ms", 100 * share)] = absl::ToDoubleMilliseconds(longest);
  }
  return {{"started", absl::FormatTime(absl::RFC3339_sec, RealClock().TimeNow(), absl::UTCTimeZone())},
          {"client_version", kBuildVersion},
          {"client_revision", kBuildRevision},
          {"command_line", plan.command_line},
          {"objectives", objectives}};
}

void AddStages(const absl::StatusOr<StageSums>& before, const absl::StatusOr<StageSums>& after, LevelFigures& figures) {
  for (const auto& sums : {before, after}) {
    if (!sums.ok()) figures.metrics_error = std::string(sums.status().message());
  }
  if (!figures.metrics_error.empty()) return;
  for (const auto& [stage, mean] : MeanStages(*before, *after)) {
    figures.server_stages[stage] = absl::ToDoubleMilliseconds(mean);
  }
}

Level AtLoad(Level level, double load) {
  if (!level.arrivals) {
    level.concurrency = static_cast<int64_t>(load);
    return level;
  }
  level.arrivals->from_rate = load;
  level.arrivals->to_rate = load;
  return level;
}

// A plan's run in progress.
class Run {
 public:
  Run(const LoadPlan& plan, LoadRequest request, StopSignal& stop,
      const std::function<void(const Level&, const Window&)>& progress)
      : plan_(plan),
        request_(std::move(request)),
        stop_(stop),
        progress_(progress),
        context_{request_, RealClock(), plan.engine.client.timeout, plan.engine.client.auth_token} {
    context_.stop = &stop_;
    context_.metadata = plan.metadata;
    report_.target = plan.engine.target;
    report_.what = plan.what;
    report_.request_bytes = request_.bytes();
    report_.run = RunOf(plan);
  }

  absl::Status Prepare() {
    if (plan_.verify_every > 0) {
      LOSSD_ASSIGN_OR_RETURN(check_, AnswerCheck::Create(plan_.request, request_, plan_.verify_every));
      context_.check = check_.get();
    }
    if (plan_.chaos) {
      chaos_ = std::make_unique<Chaos>(*plan_.chaos, plan_.seed);
      context_.chaos = chaos_.get();
    }
    LOSSD_ASSIGN_OR_RETURN(engine_, LoadEngine::Connect(plan_.engine, context_));
    LOSSD_RETURN_IF_ERROR(ReadStages(plan_.metrics_url).status());
    LOSSD_RETURN_IF_ERROR(CheckRequest(plan_));
    report_.setup = SetupOf(plan_, request_);
    if (plan_.chaos) report_.chaos_deeds = std::string(ChaosDeeds(*plan_.chaos));
    return absl::OkStatus();
  }

  absl::Status Levels() {
    std::unique_ptr<BrokenCalls> broken;
    if (plan_.chaos == ChaosKind::kDisconnect) {
      LOSSD_ASSIGN_OR_RETURN(broken, BrokenCalls::Start(plan_.engine.target, request_.bytes(), chaos_.get()));
    }
    if (plan_.search) return Search();
    for (const Level& level : plan_.levels) {
      Measure(level);
      if (stop_.triggered()) break;
    }
    return absl::OkStatus();
  }

  void CheckServerIsWell() {
    const absl::Status call = CallInPeace();
    if (!call.ok()) report_.ill = absl::StrCat(absl::StatusCodeToString(call.code()), ": ", call.message());
  }

  LoadReport TakeReport() && {
    report_.interrupted = stop_.triggered();
    return std::move(report_);
  }

 private:
  // One more call, on a new connection, after the chaos.
  absl::Status CallInPeace() {
    context_.chaos = nullptr;
    engine_.reset();
    LOSSD_ASSIGN_OR_RETURN(engine_, LoadEngine::Connect(plan_.engine, context_));
    engine_->TryStart(RealClock().TimeNow(), 1);
    engine_->Quiesce();
    const Recording recording = engine_->TakeRecording();
    if (recording.errors.empty()) return absl::OkStatus();
    const auto& [code, error] = *recording.errors.begin();
    return absl::Status(code, error.example);
  }

  // Whether the level met the objectives.
  bool Measure(const Level& level) {
    const auto before = ReadStages(plan_.metrics_url);
    const int64_t disturbances = chaos_ == nullptr ? 0 : chaos_->disturbances();
    const LevelResult result = RunLevel(*engine_, level, plan_.measure, RealClock(), stop_, [&](const Window& window) {
      if (progress_) progress_(level, window);
    });
    if (result.windows.empty()) return false;  // Interrupted before the first.
    LevelFigures figures = FiguresOf(result, request_.bytes());
    AddStages(before, ReadStages(plan_.metrics_url), figures);
    if (chaos_ != nullptr) figures.disturbances = chaos_->disturbances() - disturbances;
    figures.missed = Missed(figures, plan_.objectives);
    report_.levels.push_back(std::move(figures));
    return report_.levels.back().missed.empty();
  }

  absl::Status Search() {
    report_.searched = true;
    const auto highest = FindHighestLoad(*plan_.search, [&](double load) -> absl::StatusOr<bool> {
      const bool met = Measure(AtLoad(plan_.levels.front(), load));
      if (stop_.triggered()) return absl::CancelledError("interrupted");
      return met;
    });
    if (!stop_.triggered()) {
      LOSSD_ASSIGN_OR_RETURN(report_.highest, highest);
      return absl::OkStatus();
    }
    for (const LevelFigures& level : report_.levels) {  // The best so far.
      const bool met = level.missed.empty() && !level.interrupted;
      if (met && level.load >= report_.highest.value_or(0)) report_.highest = level.load;
    }
    return absl::OkStatus();
  }

  const LoadPlan& plan_;
  const LoadRequest request_;
  StopSignal& stop_;
  const std::function<void(const Level&, const Window&)>& progress_;
  CallContext context_;
  std::unique_ptr<AnswerCheck> check_;
  std::unique_ptr<Chaos> chaos_;
  std::unique_ptr<LoadEngine> engine_;
  LoadReport report_;
};

}  // namespace

std::string Missed(const LevelFigures& level, const Objectives& objectives) {
  if (level.error_rate > objectives.max_error_rate) {
    return absl::StrFormat("error rate %.3g %%, expected at most %.3g %%", 100 * level.error_rate,
                           100 * objectives.max_error_rate);
  }
  if (level.different > 0) {
    return absl::StrFormat("%d of %d answers differ from a local computation", level.different, level.checked);
  }
  if (level.succeeded == 0 && level.provoked == 0) return "no call succeeded";
  for (const auto& [share, longest] : objectives.latency) {
    const double found = level.latency.At(share);
    if (found <= absl::ToDoubleMilliseconds(longest)) continue;
    return absl::StrFormat(
        "p%g %.3f ms%s, expected at most %s", 100 * share, found,
        level.latency.Supports(share) ? "" : absl::StrFormat(" (the maximum: fewer than %.0f calls)", 1 / (1 - share)),
        absl::FormatDuration(longest));
  }
  return "";
}

absl::StatusOr<LoadReport> RunLoad(const LoadPlan& plan, StopSignal& stop,
                                   const std::function<void(const Level&, const Window&)>& progress) {
  std::optional<absl::Duration> message_timeout;
  if (plan.engine.stream && plan.engine.client.timeout != absl::InfiniteDuration()) {
    message_timeout = plan.engine.client.timeout;
  }
  LOSSD_ASSIGN_OR_RETURN(LoadRequest request, LoadRequest::Encode(plan.request, message_timeout));
  Run run(plan, std::move(request), stop, progress);
  LOSSD_RETURN_IF_ERROR(run.Prepare());
  LOSSD_RETURN_IF_ERROR(run.Levels());
  if (plan.chaos && !stop.triggered()) run.CheckServerIsWell();
  return std::move(run).TakeReport();
}

}  // namespace lossd::load
