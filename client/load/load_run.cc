// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/load_run.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/load/answer_check.h"
#include "client/load/broken_calls.h"
#include "client/load/load_setup.h"
#include "client/load/server_stages.h"
#include "core/status/status_macros.h"

namespace lossd::load {
namespace {

// The metrics of a server, where there are any to read.
absl::StatusOr<StageSums> ReadStages(const std::string& url) {
  if (url.empty()) return StageSums();
  LOSSD_ASSIGN_OR_RETURN(const std::string text, FetchText(url));
  return ParseStages(text);
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
    report_.target = plan.engine.target;
    report_.what = plan.what;
    report_.request_bytes = request_.bytes();
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
    report_.setup = SetupOf(plan_, request_);
    if (plan_.chaos) report_.chaos_deeds = std::string(ChaosDeeds(*plan_.chaos));
    return absl::OkStatus();
  }

  absl::Status Levels() {
    std::unique_ptr<BrokenCalls> broken;
    if (plan_.chaos == ChaosKind::kDisconnect) {
      broken = std::make_unique<BrokenCalls>(plan_.engine.target, request_.bytes(), chaos_.get());
    }
    if (plan_.search) return Search();
    for (const Level& level : plan_.levels) {
      LOSSD_RETURN_IF_ERROR(Measure(level).status());
      if (stop_.triggered()) break;
    }
    return absl::OkStatus();
  }

  // One more call, in peace.
  absl::Status CheckServerIsWell() {
    context_.chaos = nullptr;
    engine_.reset();
    LOSSD_ASSIGN_OR_RETURN(engine_, LoadEngine::Connect(plan_.engine, context_));
    engine_->TryStart(RealClock().TimeNow(), 1);
    engine_->Quiesce();
    const Recording recording = engine_->TakeRecording();
    if (recording.errors.empty()) return absl::OkStatus();
    const auto& [code, error] = *recording.errors.begin();
    return absl::Status(code, absl::StrCat("a call after the chaos: ", error.example));
  }

  LoadReport TakeReport() && {
    report_.interrupted = stop_.triggered();
    return std::move(report_);
  }

 private:
  absl::StatusOr<bool> Measure(const Level& level) {
    LOSSD_ASSIGN_OR_RETURN(const StageSums before, ReadStages(plan_.metrics_url));
    const int64_t disturbances = chaos_ == nullptr ? 0 : chaos_->disturbances();
    const LevelResult result = RunLevel(*engine_, level, plan_.measure, RealClock(), stop_, [&](const Window& window) {
      if (progress_) progress_(level, window);
    });
    if (result.windows.empty()) return false;  // Interrupted before the first.
    LOSSD_ASSIGN_OR_RETURN(const StageSums after, ReadStages(plan_.metrics_url));
    LevelFigures figures = FiguresOf(result, request_.bytes());
    for (const auto& [stage, mean] : MeanStages(before, after)) {
      figures.server_stages[stage] = absl::ToDoubleMilliseconds(mean);
    }
    if (chaos_ != nullptr) figures.disturbances = chaos_->disturbances() - disturbances;
    figures.missed = Missed(figures, plan_.objectives);
    report_.levels.push_back(std::move(figures));
    return report_.levels.back().missed.empty();
  }

  absl::Status Search() {
    report_.searched = true;
    const auto highest = FindHighestLoad(*plan_.search, [&](double load) -> absl::StatusOr<bool> {
      LOSSD_ASSIGN_OR_RETURN(const bool met, Measure(AtLoad(plan_.levels.front(), load)));
      if (stop_.triggered()) return absl::CancelledError("interrupted");
      return met;
    });
    if (stop_.triggered()) return absl::OkStatus();
    LOSSD_ASSIGN_OR_RETURN(report_.highest, highest);
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
  if (level.succeeded == 0 && level.provoked == 0) return "no call succeeded";
  if (objectives.p99 && level.latency.At(0.99) > absl::ToDoubleMilliseconds(*objectives.p99)) {
    return absl::StrFormat("p99 %.3f ms%s, expected at most %s", level.latency.At(0.99),
                           level.latency.Supports(0.99) ? "" : " (the maximum: fewer than 100 calls)",
                           absl::FormatDuration(*objectives.p99));
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
  if (plan.chaos && !stop.triggered()) LOSSD_RETURN_IF_ERROR(run.CheckServerIsWell());
  return std::move(run).TakeReport();
}

}  // namespace lossd::load
