// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What the scheduler knows of a unit of work.

#ifndef LOSSD_CORE_SCHEDULING_BATCH_TASK_H_
#define LOSSD_CORE_SCHEDULING_BATCH_TASK_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/scheduling/cancellation.h"

namespace lossd {

struct BatchGroup;

// One request's work. Derived classes carry what is to be computed and how to answer. What the accessors return must
// not change once the task was handed to a queue; they are called by whoever holds the task, some under the queue's
// lock: they must be quick and must not block. Not thread-safe: one holds it at a time.
class BatchTask {
 public:
  BatchTask() = default;
  BatchTask(const BatchTask&) = delete;
  BatchTask& operator=(const BatchTask&) = delete;
  virtual ~BatchTask() = default;

  // Tasks with equal keys may run in one batch.
  virtual absl::string_view batch_key() const = 0;

  // Bytes that the task holds while it waits and runs; not negative.
  virtual int64_t bytes() const = 0;

  // Estimated floating-point operations; not negative.
  virtual double work() const = 0;

  // Bytes that running reads and writes; not negative.
  virtual int64_t touched_bytes() const { return bytes(); }

  // When the answer stops being of use; InfiniteFuture if never.
  virtual absl::Time deadline() const = 0;

  // How the caller takes the task back; null if there is no way. The scheduler uses its listener from Schedule until
  // the task is handed over (run or dropped), so no other task may share it; and cancels it when the deadline comes
  // while the task runs. Not owned by the scheduler; lives as long as this, or longer if it is shared.
  virtual Cancellation* cancellation() const { return nullptr; }

  // Answers the task with `status`, because it will not run: DEADLINE_EXCEEDED or CANCELLED, with the time spent in the
  // queue. Called once at most, instead of running, with no lock held, on a thread of the scheduler; must not block.
  // The task is destroyed afterwards.
  virtual void Drop(absl::Status status) = 0;

  bool cancelled() const { return cancellation() != nullptr && cancellation()->cancelled(); }

  // When the task entered the queue, and when it left it to be dropped; InfinitePast before that. For the time spent in
  // the queue.
  absl::Time enqueued() const { return enqueued_; }
  absl::Time dropped() const { return dropped_; }

 private:
  friend class BatchQueue;

  // The queue's notes; meaningful while group_ is not null.
  absl::Time enqueued_ = absl::InfinitePast();
  absl::Time dropped_ = absl::InfinitePast();
  absl::Time urgency_;                            // As BatchQueue ranks it.
  absl::Time held_until_ = absl::InfinitePast();  // Waits for company until then.
  uint64_t sequence_ = 0;
  BatchGroup* group_ = nullptr;  // Not owned; the group the task is queued in.
};

// Tasks that run together: all of one key.
using Batch = std::vector<std::unique_ptr<BatchTask>>;

}  // namespace lossd

#endif  // LOSSD_CORE_SCHEDULING_BATCH_TASK_H_
