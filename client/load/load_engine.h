// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Keeps calls going over several connections, and records them.

#ifndef LOSSD_CLIENT_LOAD_LOAD_ENGINE_H_
#define LOSSD_CLIENT_LOAD_LOAD_ENGINE_H_

#include <atomic>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "client/cpp/client_options.h"
#include "client/cpp/event_loop.h"
#include "client/load/caller.h"
#include "client/load/pauses.h"

namespace lossd::load {

struct EngineOptions {
  std::string target;
  client::ClientOptions client;  // `channels` connections; no retries, whatever it says.
  int threads = 1;               // Event loops that share the connections; at most as many.
  bool stream = false;
  bool again_at_once = false;  // Callers of a closed loop do not wait when the server tells them to.
};

// How time is divided to record calls in it: window i is [begin + i * window, begin + (i + 1) * window). Without end:
// whoever measures decides which windows it looks at.
struct TimeGrid {
  absl::Time begin = absl::InfinitePast();
  absl::Duration window = absl::InfiniteDuration();
  bool by_due_time = true;  // Else what was due before `begin` and ended after it belongs to window 0.

  // The window that contains `time`; less than 0: before `begin`.
  int64_t IndexOf(absl::Time time) const;
};

// A closed loop (KeepOutstanding) or the calls of an open one (TryStart), one at a time. Methods are for one
// controlling thread, but TryStart and StartWhenRoom, which may be called from another. Destruction stops the load and
// waits for what is outstanding, by the calls' own timeouts.
//
//    lane 0   a connection, its Caller, its Recordings    event loop 0, a thread: calls of lanes 0, 2, ... end here,
//    lane 1   likewise                                    event loop 1   are recorded in their lane, and start the
//    lane 2   likewise                                    event loop 0   next one there
//
// Calls of an open loop take lanes in turn; in a closed one a call's successor stays on its lane.
class LoadEngine {
 public:
  // Connects; UNAVAILABLE where that takes longer than the client options allow, CANCELLED where context.stop comes
  // first. `context` is not owned and outlives this.
  static absl::StatusOr<std::unique_ptr<LoadEngine>> Connect(const EngineOptions& options, const CallContext& context);
  // Calls through `callers`, at least one, whose events come on threads of their own.
  static std::unique_ptr<LoadEngine> Over(std::vector<std::unique_ptr<Caller>> callers, const CallContext& context);
  ~LoadEngine();

  // Starts calls until `calls` are outstanding or context.stop is given, and a new one for each that ends: `total` in
  // all. After one that the server refused with a time to wait, the new one starts when that is over, but where
  // EngineOptions::again_at_once.
  void KeepOutstanding(int64_t calls, int64_t total = std::numeric_limits<int64_t>::max());
  // Waits until no call is outstanding or context.stop is given; whether none is.
  bool AwaitIdle();
  // Starts one call; false, and it is recorded as skipped, if `max_outstanding` are under way.
  bool TryStart(absl::Time intended, int64_t max_outstanding);
  // Starts one call, as soon as fewer than `max_outstanding` are under way: blocks until then.
  void StartWhenRoom(absl::Time intended, int64_t max_outstanding);
  // Cancels what is outstanding, and whatever is started from now on.
  void Withdraw();
  // Starts no more and waits until none is outstanding.
  void Quiesce();

  // Records calls by the windows of `grid` from now on.
  void RecordBy(const TimeGrid& grid);
  // What was recorded since the last time, by window: calls in that in which they were due, answers in that in which
  // they came. All that was before the grid's begin has index -1.
  std::map<int64_t, Recording> TakeRecordings();
  // The same, all together.
  Recording TakeRecording();
  // Whether a connection is up; true also where it is not known.
  bool Connected() const;
  // CPU time that each event loop's thread has used so far.
  std::vector<absl::Duration> ThreadTimes();

 private:
  struct Lane;

  explicit LoadEngine(const CallContext& context);
  void AddLane(std::unique_ptr<Caller> caller);
  void StartOn(Lane& lane, absl::Time intended, bool had_room = true);
  void StartNext(absl::Time intended, bool had_room);
  void OnDone(Lane& lane, const CallOutcome& outcome);
  // How long the caller of a closed loop waits before its next call.
  absl::Duration PauseAfter(const CallOutcome& outcome);
  void GoOn(Lane& lane);

  const CallContext& context_;
  bool again_at_once_ = false;
  std::vector<std::unique_ptr<client::EventLoop>> loops_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::vector<std::unique_ptr<Lane>> lanes_;  // One a connection.
  std::atomic<size_t> next_lane_{0};
  std::atomic<int64_t> outstanding_{0};
  std::atomic<int64_t> left_{0};                 // Calls of a closed loop that may still be started.
  std::atomic<int64_t> wanted_{0};               // Of a closed loop.
  absl::Time last_wait_ = absl::InfinitePast();  // When StartWhenRoom last had to wait.
  absl::Mutex idle_mu_;                          // Held to tell that fewer are outstanding.
  std::atomic<uint32_t> paused_{0};
  Pauses pauses_;  // Calls that wait here are outstanding, too.
};

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_LOAD_ENGINE_H_
