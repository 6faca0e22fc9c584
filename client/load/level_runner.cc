// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/level_runner.h"

#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/load/pacer.h"

namespace lossd::load {
namespace {

// How long after a level's end its arrivals may still be started, where threads were not run in time.
constexpr absl::Duration kGrace = absl::Milliseconds(100);

// Paces an open loop on a thread of its own.
class Arrivals {
 public:
  // From `begin` to `latest_end`, unless EndAt ends it before.
  Arrivals(LoadEngine& engine, const Level& level, absl::Time begin, absl::Time latest_end, Clock& clock)
      : engine_(engine),
        level_(level),
        begin_(begin),
        latest_end_(latest_end),
        clock_(clock),
        schedule_(*level.arrivals),
        thread_([this] { Run(); }) {}
  ~Arrivals() {
    stop_.Trigger();
    Join();
  }

  // Starts nothing that is due at `end` or later, nor what cannot be started soon. Called once.
  void EndAt(absl::Time end) {
    end_ = end;
    stop_.Trigger();  // After that, the thread reads end_.
  }
  void Join() {
    if (thread_.joinable()) thread_.join();
  }
  // After EndAt and Join: how many that were due before `time` were not started, beyond those that the last call has
  // returned.
  int64_t TakeUnstarted(absl::Time time) {
    if (next_ >= time) return 0;
    const int64_t passed = 1 + schedule_.PassOver(time - begin_);
    next_ = begin_ + schedule_.Next();
    return passed;
  }
  // CPU time of the thread so far. Not after Join.
  absl::Duration ThreadTime() {
    clockid_t clock;
    timespec time = {};
    if (pthread_getcpuclockid(thread_.native_handle(), &clock) == 0) clock_gettime(clock, &time);
    return absl::DurationFromTimespec(time);
  }

 private:
  void Run() {
    next_ = Pace(schedule_, begin_, latest_end_, clock_, stop_,
                 [this](absl::Time intended) { return StartBefore(latest_end_ + kGrace, intended); });
    if (!stop_.triggered()) return;
    while (next_ < end_ && StartBefore(end_ + kGrace, next_)) next_ = begin_ + schedule_.Next();
  }
  bool StartBefore(absl::Time end, absl::Time intended) {
    if (clock_.TimeNow() >= end) return false;
    if (level_.wait_for_room) {
      engine_.StartWhenRoom(intended, level_.max_outstanding);
    } else {
      engine_.TryStart(intended, level_.max_outstanding);
    }
    return true;
  }

  LoadEngine& engine_;
  const Level level_;
  const absl::Time begin_;
  const absl::Time latest_end_;
  Clock& clock_;
  ArrivalSchedule schedule_;
  absl::Time next_;  // The first that was not started.
  absl::Time end_ = absl::InfinitePast();
  StopSignal stop_;
  std::thread thread_;
};

bool Agree(const std::vector<double>& values, double share) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  double mean = 0;
  for (const double value : values) mean += value / static_cast<double>(values.size());
  return *most - mean <= share * mean && mean - *least <= share * mean;
}

double BusiestThread(const std::vector<absl::Duration>& before, const std::vector<absl::Duration>& after,
                     absl::Duration length) {
  double busiest = 0;
  for (size_t i = 0; i < before.size(); ++i) {
    busiest = std::max(busiest, absl::FDivDuration(after[i] - before[i], length));
  }
  return busiest;
}

size_t MostWindows(const MeasureOptions& options) {
  if (!options.duration) return static_cast<size_t>(options.max_windows);
  return static_cast<size_t>(std::ceil(absl::FDivDuration(*options.duration, options.window) - 1e-6));
}

bool Done(const std::vector<Window>& windows, const MeasureOptions& options) {
  return windows.size() >= MostWindows(options) || (!options.duration && AreStable(windows, options));
}

// Moves what belongs to one of `windows` there. What is left over is due later, or came before the first.
void MoveInto(std::vector<Window>& windows, std::map<int64_t, Recording>& recordings) {
  for (size_t i = 0; i < windows.size(); ++i) {
    const auto found = recordings.find(static_cast<int64_t>(i));
    if (found == recordings.end()) continue;
    windows[i].calls.Merge(found->second);
    recordings.erase(found);
  }
}

void MergeInto(std::map<int64_t, Recording>& recordings, const std::map<int64_t, Recording>& others) {
  for (const auto& [window, other] : others) recordings[window].Merge(other);
}

// Adds up the windows that count.
void SumUp(const MeasureOptions& options, LevelResult& result) {
  result.stable = options.duration.has_value() || AreStable(result.windows, options);
  const size_t counted = options.duration
                             ? result.windows.size()
                             : std::min(result.windows.size(), static_cast<size_t>(options.stable_windows));
  for (size_t i = 0; i < result.windows.size(); ++i) {
    Window& window = result.windows[i];
    window.counts = i + counted >= result.windows.size();
    if (!window.counts) continue;
    result.calls.Merge(window.calls);
    result.length += window.length;
  }
}

// Tells when all connections are lost.
class ConnectionWatch {
 public:
  ConnectionWatch(const LoadEngine& engine, Clock& clock, StopSignal& stop)
      : engine_(engine), clock_(clock), stop_(stop), last_up_(clock.TimeNow()) {}

  // Waits until `time`; returns before it where the stop signal is given or all connections have been down for kLost.
  void WaitUntil(absl::Time time) {
    while (!lost_ && clock_.TimeNow() < time && stop_.WaitUntil(clock_, std::min(time, clock_.TimeNow() + kLook))) {
      if (engine_.Connected()) last_up_ = clock_.TimeNow();
      lost_ = clock_.TimeNow() - last_up_ >= kLost;
    }
  }
  bool lost() const { return lost_; }

 private:
  static constexpr absl::Duration kLook = absl::Milliseconds(100);
  static constexpr absl::Duration kLost = absl::Seconds(1);

  const LoadEngine& engine_;
  Clock& clock_;
  StopSignal& stop_;
  absl::Time last_up_;
  bool lost_ = false;
};

// The load of a level, from its first call to its last.
class LevelLoad {
 public:
  LevelLoad(LoadEngine& engine, const Level& level, absl::Time begin, absl::Time latest_end, Clock& clock)
      : engine_(engine) {
    if (level.arrivals) {
      arrivals_ = std::make_unique<Arrivals>(engine, level, begin, latest_end, clock);
    } else {
      engine.KeepOutstanding(level.concurrency);
    }
  }

  // The CPU times of all threads that make the load. Not after End.
  std::vector<absl::Duration> ThreadTimes() {
    std::vector<absl::Duration> times = engine_.ThreadTimes();
    if (arrivals_ != nullptr) times.push_back(arrivals_->ThreadTime());
    return times;
  }
  // Ends it and waits for what is under way, or withdraws it.
  void End(absl::Time end, bool withdraw) {
    if (arrivals_ != nullptr) arrivals_->EndAt(end);
    if (withdraw) engine_.Withdraw();  // Before Join: an arrival may wait for room.
    if (arrivals_ != nullptr) arrivals_->Join();
    engine_.Quiesce();
  }
  // After End: adds the arrivals that were not started to the windows, of which the first begins at `begin`.
  void AddUnstarted(absl::Time begin, std::vector<Window>& windows) {
    if (arrivals_ == nullptr) return;
    arrivals_->TakeUnstarted(begin);
    for (Window& window : windows) {
      window.calls.AddUnstarted(arrivals_->TakeUnstarted(begin + window.start + window.length));
    }
  }

 private:
  LoadEngine& engine_;
  std::unique_ptr<Arrivals> arrivals_;  // Of an open loop.
};

LevelResult RunCalls(LoadEngine& engine, const Level& level, int64_t calls, Clock& clock, StopSignal& stop) {
  LevelResult result;
  result.level = level;
  const absl::Time begin = clock.TimeNow();
  engine.RecordBy({begin});
  const auto times = engine.ThreadTimes();
  engine.KeepOutstanding(level.concurrency, calls);
  engine.AwaitIdle();
  result.length = std::max(clock.TimeNow() - begin, absl::Nanoseconds(1));
  result.interrupted = stop.triggered();
  result.busiest_thread = BusiestThread(times, engine.ThreadTimes(), result.length);
  if (result.interrupted) engine.Withdraw();
  engine.Quiesce();
  result.calls = engine.TakeRecording();
  result.withdrawn = result.calls.withdrawn;
  result.windows.push_back({absl::ZeroDuration(), result.length, result.calls});
  return result;
}

}  // namespace

std::string NameOf(const Level& level) {
  if (!level.arrivals) return absl::StrCat("concurrency ", level.concurrency);
  const ArrivalOptions& arrivals = *level.arrivals;
  if (arrivals.from_rate == arrivals.to_rate) return absl::StrFormat("rate %g", arrivals.to_rate);
  return absl::StrFormat("rate %g:%g", arrivals.from_rate, arrivals.to_rate);
}

bool AreStable(absl::Span<const Window> windows, const MeasureOptions& options) {
  const auto needed = static_cast<size_t>(options.stable_windows);
  if (windows.size() < needed) return false;
  std::vector<double> rates, medians;
  for (const Window& window : windows.last(needed)) {
    rates.push_back(static_cast<double>(window.calls.answers.count()) / absl::ToDoubleSeconds(window.length));
    medians.push_back(absl::ToDoubleSeconds(window.calls.answers.Percentile(0.5)));
  }
  return Agree(rates, options.stability) && Agree(medians, options.stability);
}

LevelResult RunLevel(LoadEngine& engine, const Level& level, const MeasureOptions& options, Clock& clock,
                     StopSignal& stop, const std::function<void(const Window&)>& progress) {
  if (options.calls) {
    LevelResult result = RunCalls(engine, level, *options.calls, clock, stop);
    if (progress) progress(result.windows.back());
    return result;
  }
  LevelResult result;
  result.level = level;
  const absl::Time start = clock.TimeNow();
  const absl::Time begin = start + options.warmup;
  const auto end_of = [&](size_t windows) { return begin + static_cast<double>(windows) * options.window; };
  engine.RecordBy({begin, options.window, level.arrivals.has_value()});
  LevelLoad load(engine, level, start, end_of(MostWindows(options)), clock);
  stop.WaitUntil(clock, begin);
  ConnectionWatch watch(engine, clock, stop);
  const auto times = load.ThreadTimes();
  const absl::Time timed_from = clock.TimeNow();
  std::map<int64_t, Recording> recordings;  // Of no window so far.
  absl::Time end = begin;
  while (!stop.triggered() && !watch.lost() && !Done(result.windows, options)) {
    absl::Time window_end = end_of(result.windows.size() + 1);
    watch.WaitUntil(window_end);
    window_end = std::min(window_end, clock.TimeNow());
    if (window_end <= end) break;
    result.windows.push_back({end - begin, window_end - end, {}});
    end = window_end;
    MergeInto(recordings, engine.TakeRecordings());
    MoveInto(result.windows, recordings);
    if (progress) progress(result.windows.back());
  }
  result.interrupted = stop.triggered();
  result.lost = watch.lost();
  result.busiest_thread = BusiestThread(times, load.ThreadTimes(), clock.TimeNow() - timed_from);
  load.End(end, result.interrupted);
  MergeInto(recordings, engine.TakeRecordings());
  for (const auto& [window, recording] : recordings) {
    if (window >= 0 && window < static_cast<int64_t>(result.windows.size())) result.late.Merge(recording);
    result.withdrawn += recording.withdrawn;
  }
  MoveInto(result.windows, recordings);
  load.AddUnstarted(begin, result.windows);
  SumUp(options, result);
  return result;
}

}  // namespace lossd::load
