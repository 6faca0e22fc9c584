// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/level_runner.h"

#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/load/pacer.h"

namespace lossd::load {
namespace {

// Paces an open loop on a thread of its own.
class Arrivals {
 public:
  Arrivals(LoadEngine& engine, const Level& level, Clock& clock)
      : thread_([this, &engine, level, &clock] {
          ArrivalSchedule schedule(*level.arrivals);
          Pace(schedule, clock.TimeNow(), absl::InfiniteFuture(), clock, stop_, [&](absl::Time intended) {
            if (level.wait_for_room) {
              engine.StartWhenRoom(intended, level.max_outstanding);
              return true;
            }
            const bool started = engine.TryStart(intended, level.max_outstanding);
            if (!started) ++skipped_;
            return started;
          });
        }) {}
  ~Arrivals() { Stop(); }

  void StartNoMore() { stop_.Trigger(); }
  void Stop() {
    StartNoMore();
    if (thread_.joinable()) thread_.join();
  }
  int64_t TakeSkipped() { return skipped_.exchange(0); }
  // CPU time of the thread so far. Not after Stop.
  absl::Duration ThreadTime() {
    clockid_t clock;
    timespec time = {};
    if (pthread_getcpuclockid(thread_.native_handle(), &clock) == 0) clock_gettime(clock, &time);
    return absl::DurationFromTimespec(time);
  }

 private:
  StopSignal stop_;
  std::atomic<int64_t> skipped_{0};
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

// The CPU times of all threads that make the load.
std::vector<absl::Duration> ThreadTimes(LoadEngine& engine, Arrivals* arrivals) {
  std::vector<absl::Duration> times = engine.ThreadTimes();
  if (arrivals != nullptr) times.push_back(arrivals->ThreadTime());
  return times;
}

bool Done(const std::vector<Window>& windows, const MeasureOptions& options) {
  if (options.duration) {
    return static_cast<double>(windows.size()) * absl::ToDoubleSeconds(options.window) >=
           absl::ToDoubleSeconds(*options.duration) - 1e-9;
  }
  return AreStable(windows, options) || windows.size() >= static_cast<size_t>(options.max_windows);
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
    rates.push_back(static_cast<double>(window.calls.succeeded) / absl::ToDoubleSeconds(window.length));
    medians.push_back(absl::ToDoubleSeconds(window.calls.latency.Percentile(0.5)));
  }
  return Agree(rates, options.stability) && Agree(medians, options.stability);
}

LevelResult RunLevel(LoadEngine& engine, const Level& level, const MeasureOptions& options, Clock& clock,
                     StopSignal& stop, const std::function<void(const Window&)>& progress) {
  LevelResult result;
  result.level = level;
  std::unique_ptr<Arrivals> arrivals;
  if (level.arrivals) {
    arrivals = std::make_unique<Arrivals>(engine, level, clock);
  } else {
    engine.KeepOutstanding(level.concurrency);
  }
  stop.WaitUntil(clock, clock.TimeNow() + options.warmup);
  engine.TakeRecording();
  if (arrivals != nullptr) arrivals->TakeSkipped();
  const auto times = ThreadTimes(engine, arrivals.get());
  const absl::Time begin = clock.TimeNow();
  absl::Time start = begin;
  while (!stop.triggered() && !Done(result.windows, options)) {
    stop.WaitUntil(clock, begin + static_cast<double>(result.windows.size() + 1) * options.window);
    const absl::Time now = clock.TimeNow();
    if (now <= start) break;
    Window window{start - begin, now - start, engine.TakeRecording()};
    if (arrivals != nullptr) window.calls.skipped = arrivals->TakeSkipped();
    start = now;
    if (progress) progress(window);
    result.windows.push_back(std::move(window));
  }
  result.interrupted = stop.triggered();
  result.busiest_thread = BusiestThread(times, ThreadTimes(engine, arrivals.get()), start - begin);
  if (arrivals != nullptr) arrivals->StartNoMore();
  if (result.interrupted) engine.Withdraw();  // Before Stop: an arrival may wait for room.
  if (arrivals != nullptr) arrivals->Stop();
  engine.Quiesce();
  Recording late = engine.TakeRecording();
  // What ends late was due in the last window; in a closed loop it is as much as was under way when the first began.
  if (level.arrivals && !result.windows.empty()) result.windows.back().calls.Merge(late);
  SumUp(options, result);
  result.calls.withdrawn = late.withdrawn;
  return result;
}

}  // namespace lossd::load
