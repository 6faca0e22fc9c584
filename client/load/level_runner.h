// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Runs one level of load until its figures are stable.

#ifndef LOSSD_CLIENT_LOAD_LEVEL_RUNNER_H_
#define LOSSD_CLIENT_LOAD_LEVEL_RUNNER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "client/load/arrival_schedule.h"
#include "client/load/load_engine.h"
#include "client/load/stop_signal.h"

namespace lossd::load {

// How long a level is measured.
//
//    start     warm-up      begin     window 0    window 1    window 2    ...   end      last answer
//    |----------------------|-----------|-----------|-----------|----- ... -----|------------|
//      calls, not counted     the last stable_windows of these count              late: counted in the windows
//                                                                                 in which they were due
struct MeasureOptions {
  absl::Duration warmup = absl::Seconds(1);  // Not counted.
  absl::Duration window = absl::Seconds(1);
  int stable_windows = 3;                  // So many windows in a row must agree ...
  double stability = 0.1;                  // ... in calls and in median latency, up to this share of their mean,
  int max_windows = 10;                    // or so many were measured. The last stable_windows count.
  std::optional<int64_t> calls;            // Instead, of a closed loop: so many calls, without a warm-up.
  std::optional<absl::Duration> duration;  // Instead: so long, whatever the figures do; all of it counts.
};

// What is asked of the server: `concurrency` calls at any time (a closed loop), or `arrivals` (an open one), whatever
// becomes of those before.
struct Level {
  int64_t concurrency = 1;
  std::optional<ArrivalOptions> arrivals;
  int64_t max_outstanding = 1024;  // Arrivals beyond it are skipped,
  bool wait_for_room = false;      // or wait, late.
};

// "concurrency 16", "rate 100", "rate 100:200".
std::string NameOf(const Level& level);

// One window of time, and the calls that were due, or whose answers came, in it.
struct Window {
  absl::Duration start;  // From the end of the warm-up.
  absl::Duration length;
  Recording calls;
  bool counts = true;  // Whether the level's figures contain it.
};

// What came of a level. Recordings are summed over the windows that count; those of each window stay, too.
struct LevelResult {
  Level level;
  absl::Duration length;  // Of what counts.
  Recording calls;        // Of what counts.
  std::vector<Window> windows;
  Recording late;  // Calls of the windows that ended after the last one.
  bool stable = true;
  bool interrupted = false;
  bool lost = false;          // All connections were down for a while: ended early.
  int64_t withdrawn = 0;      // Calls that were cancelled because of that.
  double busiest_thread = 0;  // CPU time a second of the busiest of this process's load threads.
};

// Whether the last `options.stable_windows` of `windows` agree: answers a second, and their median latency. False where
// there are fewer.
bool AreStable(absl::Span<const Window> windows, const MeasureOptions& options);

// Runs `level`. A call counts in the window in which it was due, however late it ends; an answer in that in which it
// came. Of the calls that were due before the first window, a closed loop counts those that were under way when it
// began, in it, and an open loop none. `progress` is told of each window as it ends, without what ends later. `stop`
// ends the level early: with the window under way, or without any during the warm-up; then what is outstanding is
// withdrawn, and the engine makes no further calls. Connections that are all down for a second end it likewise, but
// withdraw nothing. With options.calls, the level is one window that ends with the last call.
LevelResult RunLevel(LoadEngine& engine, const Level& level, const MeasureOptions& options, Clock& clock,
                     StopSignal& stop, const std::function<void(const Window&)>& progress);

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_LEVEL_RUNNER_H_
