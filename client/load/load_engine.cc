// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/load_engine.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "client/cpp/channel.h"
#include "client/cpp/error_details.h"
#include "core/status/status_macros.h"

namespace lossd::load {
namespace {

absl::Duration ThisThreadsTime() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return absl::DurationFromTimespec(time);
}

// Says why there is no connection, as far as it is known here.
absl::Status NoConnection(const std::string& target, absl::Duration timeout,
                          const std::shared_ptr<grpc::Channel>& channel) {
  const int descriptor = dup(STDERR_FILENO);
  const bool none_left = descriptor < 0 && errno == EMFILE;
  if (descriptor >= 0) close(descriptor);
  return absl::UnavailableError(absl::StrCat(
      target, ": no connection within ", absl::FormatDuration(timeout),
      none_left ? ": this process has no file descriptor left (see `ulimit -n`)" : client::WhyNotConnected(channel)));
}

// Waits in steps: gRPC's wait cannot be ended early.
absl::Status AwaitConnection(const std::shared_ptr<grpc::Channel>& channel, const EngineOptions& options,
                             const CallContext& context) {
  constexpr absl::Duration kStep = absl::Milliseconds(100);
  absl::Duration left = options.client.connect_timeout;
  for (; !context.stopped() && left > absl::ZeroDuration(); left -= kStep) {
    if (channel->WaitForConnected(absl::ToChronoTime(RealClock().TimeNow() + std::min(left, kStep)))) {
      return absl::OkStatus();
    }
  }
  if (context.stopped()) return absl::CancelledError("interrupted while connecting");
  return NoConnection(options.target, options.client.connect_timeout, channel);
}

}  // namespace

// A connection and what was recorded on it.
struct LoadEngine::Lane {
  std::unique_ptr<Caller> caller;
  absl::Mutex mu;
  TimeGrid grid ABSL_GUARDED_BY(mu);
  std::map<int64_t, Recording> recordings ABSL_GUARDED_BY(mu);  // By window.

  void Record(const CallOutcome& outcome) {
    absl::MutexLock lock(&mu);
    const int64_t ended = grid.IndexOf(outcome.finished);
    const int64_t due = grid.IndexOf(outcome.intended);
    recordings[ended].AddAnswer(outcome);
    recordings[grid.by_due_time || ended < 0 ? due : std::max<int64_t>(due, 0)].AddCall(outcome);
  }
  void RecordSkipped(absl::Time intended) {
    absl::MutexLock lock(&mu);
    ++recordings[grid.IndexOf(intended)].skipped;
  }
};

int64_t TimeGrid::IndexOf(absl::Time time) const {
  if (time < begin) return -1;
  absl::Duration rest;
  return window == absl::InfiniteDuration() ? 0 : absl::IDivDuration(time - begin, window, &rest);
}

absl::StatusOr<std::unique_ptr<LoadEngine>> LoadEngine::Connect(const EngineOptions& options,
                                                                const CallContext& context) {
  client::ClientOptions client = options.client;
  client.patience = absl::ZeroDuration();
  auto engine = std::unique_ptr<LoadEngine>(new LoadEngine(context));
  engine->again_at_once_ = options.again_at_once;
  engine->channels_ = client::MakeChannels(options.target, client);
  const int threads = std::clamp(options.threads, 1, client.channels);
  for (int i = 0; i < threads; ++i) engine->loops_.push_back(std::make_unique<client::EventLoop>());
  for (const auto& channel : engine->channels_) {
    LOSSD_RETURN_IF_ERROR(AwaitConnection(channel, options, context));
    grpc::CompletionQueue* const queue = engine->loops_[engine->lanes_.size() % engine->loops_.size()]->queue();
    engine->AddLane(options.stream ? MakeStreamCaller(channel, queue, context)
                                   : MakeUnaryCaller(channel, queue, context));
  }
  return engine;
}

LoadEngine::LoadEngine(const CallContext& context) : context_(context), pauses_(context.clock) {}

std::unique_ptr<LoadEngine> LoadEngine::Over(std::vector<std::unique_ptr<Caller>> callers, const CallContext& context) {
  auto engine = std::unique_ptr<LoadEngine>(new LoadEngine(context));
  for (auto& caller : callers) engine->AddLane(std::move(caller));
  return engine;
}

void LoadEngine::AddLane(std::unique_ptr<Caller> caller) {
  lanes_.push_back(std::make_unique<Lane>());
  lanes_.back()->caller = std::move(caller);
}

LoadEngine::~LoadEngine() {
  Quiesce();
  lanes_.clear();  // Their streams end before the loops do.
}

void LoadEngine::StartOn(Lane& lane, absl::Time intended, bool had_room) {
  lane.caller->Start(intended, [this, &lane, had_room](CallOutcome outcome) {
    outcome.had_room = had_room;
    if (outcome.status.ok() && outcome.finished - outcome.started > context_.timeout) {
      outcome.status = absl::DeadlineExceededError(
          absl::StrCat("answered after the deadline of ", absl::FormatDuration(context_.timeout)));
    }
    OnDone(lane, outcome);
  });
}

void LoadEngine::StartNext(absl::Time intended, bool had_room) {
  StartOn(*lanes_[next_lane_++ % lanes_.size()], intended, had_room);
}

void LoadEngine::OnDone(Lane& lane, const CallOutcome& outcome) {
  lane.Record(outcome);
  const absl::Duration pause = PauseAfter(outcome);
  if (pause == absl::ZeroDuration()) return GoOn(lane);
  pauses_.Add(outcome.finished + pause, [this, &lane] { GoOn(lane); });
}

absl::Duration LoadEngine::PauseAfter(const CallOutcome& outcome) {
  if (outcome.status.ok() || again_at_once_ || wanted_ == 0) return absl::ZeroDuration();
  const auto delay = client::DetailsOf(outcome.status).retry_delay;
  if (!delay.has_value()) return absl::ZeroDuration();
  // Up to a fifth longer, evenly spread, as of clients that do not want to come back all at once.
  constexpr double kSpread = 0.2;
  constexpr double kGoldenRatio = 0.6180339887498949;
  const double place = kGoldenRatio * paused_++;
  return *delay * (1 + kSpread * (place - std::floor(place)));
}

void LoadEngine::GoOn(Lane& lane) {
  if (outstanding_ <= wanted_ && --left_ >= 0) return StartOn(lane, context_.clock.TimeNow());
  absl::MutexLock lock(&idle_mu_);
  --outstanding_;
}

void LoadEngine::KeepOutstanding(int64_t calls, int64_t total) {
  const int64_t at_once = std::min(calls, total);
  left_ = total - at_once;
  wanted_ = calls;
  pauses_.Allow();
  for (int64_t started = 0; started < at_once && !context_.stopped(); ++started) {
    ++outstanding_;
    StartNext(context_.clock.TimeNow(), true);
  }
}

bool LoadEngine::TryStart(absl::Time intended, int64_t max_outstanding) {
  if (++outstanding_ > max_outstanding) {
    lanes_.front()->RecordSkipped(intended);
    absl::MutexLock lock(&idle_mu_);
    --outstanding_;
    return false;
  }
  StartNext(intended, true);
  return true;
}

void LoadEngine::StartWhenRoom(absl::Time intended, int64_t max_outstanding) {
  if (outstanding_ >= max_outstanding) {
    absl::MutexLock lock(&idle_mu_);
    const auto room = [&] { return outstanding_ < max_outstanding; };
    idle_mu_.Await(absl::Condition(&room));
    last_wait_ = context_.clock.TimeNow();
  }
  ++outstanding_;
  StartNext(intended, intended > last_wait_);  // What was due during a wait is late through it, not through us.
}

void LoadEngine::Withdraw() {
  wanted_ = 0;
  pauses_.End();
  for (const auto& lane : lanes_) lane->caller->Withdraw();
}

void LoadEngine::Quiesce() {
  wanted_ = 0;
  pauses_.End();
  absl::MutexLock lock(&idle_mu_);
  const auto idle = [this] { return outstanding_ == 0; };
  idle_mu_.Await(absl::Condition(&idle));
}

void LoadEngine::RecordBy(const TimeGrid& grid) {
  for (const auto& lane : lanes_) {
    absl::MutexLock lock(&lane->mu);
    lane->grid = grid;
  }
}

std::map<int64_t, Recording> LoadEngine::TakeRecordings() {
  std::map<int64_t, Recording> total;
  for (const auto& lane : lanes_) {
    std::map<int64_t, Recording> recordings;
    {
      absl::MutexLock lock(&lane->mu);
      recordings.swap(lane->recordings);
    }
    for (const auto& [window, recording] : recordings) total[window].Merge(recording);
  }
  return total;
}

bool LoadEngine::AwaitIdle() {
  constexpr absl::Duration kLook = absl::Milliseconds(100);  // For the stop signal, which does not wake this.
  absl::MutexLock lock(&idle_mu_);
  const auto idle = [this] { return outstanding_ == 0; };
  while (!idle_mu_.AwaitWithTimeout(absl::Condition(&idle), kLook) && !context_.stopped()) continue;
  return outstanding_ == 0;
}

Recording LoadEngine::TakeRecording() {
  Recording total;
  for (const auto& [window, recording] : TakeRecordings()) total.Merge(recording);
  return total;
}

bool LoadEngine::Connected() const {
  const auto up = [](const auto& channel) { return channel->GetState(/*try_to_connect=*/false) == GRPC_CHANNEL_READY; };
  return channels_.empty() || std::any_of(channels_.begin(), channels_.end(), up);
}

std::vector<absl::Duration> LoadEngine::ThreadTimes() {
  std::vector<absl::Duration> times;
  for (const auto& loop : loops_) {
    absl::Duration time;
    absl::Notification measured;
    loop->Run([&] {
      time = ThisThreadsTime();
      measured.Notify();
    });
    measured.WaitForNotification();
    times.push_back(time);
  }
  return times;
}

}  // namespace lossd::load
