// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Holds waiting tasks and decides which of them run together, and when. A passive data structure: no threads, no clock.

#ifndef LOSSD_CORE_SCHEDULING_BATCH_QUEUE_H_
#define LOSSD_CORE_SCHEDULING_BATCH_QUEUE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/node_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/scheduling/batch_task.h"

namespace lossd {

// Bounds on the queue and on a batch.
struct BatchQueueOptions {
  // Longest that a task waits for company, though a worker is free. 0: never waits; raise it only where batches are
  // much cheaper than single runs and latency matters less. Never more than half of the time that a task has left.
  absl::Duration max_queue_delay = absl::ZeroDuration();
  // Most tasks of a batch, at least 1. More: fewer, longer runs.
  int64_t max_batch_requests = 64;
  // Most bytes of a batch of more than one task. Keep a few batches within the memory of the device.
  int64_t max_batch_bytes = int64_t{256} << 20;
  // Most floating-point operations of a batch of more than one task: bounds how long one run holds up others.
  double max_batch_work = 1e11;
  // Most tasks that wait, at least 1. About the work of the longest wait that callers put up with.
  int64_t max_queue_requests = 1024;
  // Most bytes that wait, at least 1.
  int64_t max_queue_bytes = int64_t{2} << 30;
};

// OK, or INVALID_ARGUMENT naming the field, the expectation and the value.
absl::Status Validate(const BatchQueueOptions& options);

// When and in which order tasks, or groups by their first task, run: the earlier urgency, then the older.
struct BatchRank {
  absl::Time urgency;
  uint64_t sequence = 0;  // Counts pushes.
  friend bool operator<(const BatchRank& a, const BatchRank& b) {
    return std::pair(a.urgency, a.sequence) < std::pair(b.urgency, b.sequence);
  }
};

// The waiting tasks of one key. Part of BatchQueue.
struct BatchGroup {
  std::string key;
  absl::btree_map<BatchRank, std::unique_ptr<BatchTask>> tasks;
  int64_t bytes = 0;
  double work = 0;
  int64_t held = 0;               // Tasks still waiting for company.
  std::optional<BatchRank> rank;  // Under which the group is listed as ready.
};

// Groups waiting tasks by key. Not thread-safe; callers hold their own lock. Operations take O(log n) for n waiting
// tasks, times the number of tasks that they move. Where `now` goes backwards, timers fire late; nothing else happens.
//
// Which batch comes next: a key is ready when one of its tasks has waited for company long enough, when its tasks fill
// a batch, or once gathering was stopped. Of the ready keys that with the most urgent task runs first; a batch takes
// the most urgent tasks of its key, and tasks of other keys never close it. A task's urgency is its deadline, at most
// `kPatience` after its arrival; equals go by age. So nothing starves: whoever arrives `kPatience` after a task can no
// longer overtake it, and a task without deadline competes as if it were due then.
//
//    tasks of a key, of which h wait for company and r have waited long enough            the key is
//    A   h h                                                                              not ready
//    B   h r h          one has waited long enough                                        ready, with all three
//    C   h h h h        max_batch_requests, max_batch_bytes or max_batch_work is reached  ready
//    D   r r r r r r    more than a batch may have                                        ready, and after it again
//
// From Push on a task is in one place at a time: in its group, until PopReady hands it out, or in expired_ or
// cancelled_, until it is taken from there.
class BatchQueue {
 public:
  static constexpr absl::Duration kPatience = absl::Seconds(1);
  // What a caller refused for want of room is told to wait.
  static constexpr absl::Duration kRetryDelay = absl::Milliseconds(100);

  // `options` must be valid.
  explicit BatchQueue(const BatchQueueOptions& options) : options_(options) {}

  // Takes the task. RESOURCE_EXHAUSTED with LimitViolation (queue) where it finds no room: `task` is then left as it
  // was.
  absl::Status Push(std::unique_ptr<BatchTask>& task, absl::Time now);

  // What Push and PopReady would make of a task that nothing waits beside: a batch of it, which was never queued.
  // Precondition: its deadline is after `now`, it is not cancelled, and has at most max_queue_bytes.
  static Batch TakeAtOnce(std::unique_ptr<BatchTask>& task, absl::Time now);

  // Whether that is what they would do: no others wait, and it would not wait for company.
  bool TakesAtOnce() const { return requests_ == 0 && !MayGather(); }

  // Removes and returns the next batch; empty if none is ready. Tasks that expired or were cancelled are never in it:
  // they wait for TakeExpired and TakeCancelled.
  Batch PopReady(absl::Time now);

  // Sees to it that what time changes is seen by has_ready, has_dropped and NextEvent.
  void Advance(absl::Time now);

  // Moves a task to those that TakeCancelled returns, if it is still queued here. `task` must be alive.
  void Cancel(BatchTask* task, absl::Time now);

  // Remove and return what will not run: tasks whose deadline is not after `now`, cancelled tasks.
  Batch TakeExpired(absl::Time now);
  Batch TakeCancelled() { return std::exchange(cancelled_, {}); }

  // From now on no task waits for company.
  void StopGathering();

  // As of the last Advance, Push or PopReady: a batch is ready; TakeExpired or TakeCancelled would return tasks.
  bool has_ready() const { return !ready_.empty(); }
  bool has_dropped() const { return !expired_.empty() || !cancelled_.empty(); }

  // When time will next change something: a deadline, or the end of waiting for company. InfiniteFuture if never.
  absl::Time NextEvent() const;

  // What waits to run.
  int64_t requests() const { return requests_; }
  int64_t bytes() const { return bytes_; }

 private:
  using Timers = absl::btree_map<std::pair<absl::Time, uint64_t>, BatchTask*>;

  bool MayGather() const { return options_.max_queue_delay > absl::ZeroDuration() && !gathering_ended_; }
  absl::Status CheckRoom(const BatchTask& task) const;
  bool IsReady(const BatchGroup& group) const;
  Batch PopFrom(BatchGroup* group, absl::Time now);
  // These leave the group listed as it was: Relist follows.
  void Unhold(BatchTask* task);
  std::unique_ptr<BatchTask> Remove(BatchTask* task);
  void MoveTo(Batch& dropped, BatchTask* task, absl::Time now);
  void Relist(BatchGroup* group);

  const BatchQueueOptions options_;
  absl::node_hash_map<std::string, BatchGroup> groups_;  // No empty ones.
  absl::btree_map<BatchRank, BatchGroup*> ready_;        // By the rank of their first task.
  Timers deadlines_;                                     // Finite ones only.
  Timers holds_;                                         // Tasks waiting for company.
  Batch expired_;
  Batch cancelled_;
  int64_t requests_ = 0;
  int64_t bytes_ = 0;
  uint64_t next_sequence_ = 0;
  bool gathering_ended_ = false;
};

}  // namespace lossd

#endif  // LOSSD_CORE_SCHEDULING_BATCH_QUEUE_H_
