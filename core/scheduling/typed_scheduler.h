// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A scheduler of tasks of one type.

#ifndef LOSSD_CORE_SCHEDULING_TYPED_SCHEDULER_H_
#define LOSSD_CORE_SCHEDULING_TYPED_SCHEDULER_H_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/scheduling/batch_scheduler.h"
#include "core/scheduling/batch_task.h"

namespace lossd {

// Tasks that run together, as what they are, at least one, all of one key. Owns them; those that are left go with it.
// Not thread-safe, but different tasks may be used by different threads.
template <std::derived_from<BatchTask> Task>
class BatchOf {
 public:
  // Precondition: all are of this type.
  explicit BatchOf(Batch tasks) : tasks_(std::move(tasks)) {}

  size_t size() const { return tasks_.size(); }
  // Not of one that was Reset.
  Task& operator[](size_t i) const { return static_cast<Task&>(*tasks_[i]); }
  // Destroys a task, and what it holds, before the others: its memory serves the next one while they are still
  // answered.
  void Reset(size_t i) { tasks_[i].reset(); }

 private:
  Batch tasks_;
};

// A BatchScheduler that takes and runs tasks of one type alone; everything else is as it says. Thread-safe as that. The
// destructor drains: `run` and the tasks must not refer to what goes before it does.
template <std::derived_from<BatchTask> Task>
class TypedScheduler {
 public:
  // As BatchScheduler::BatchFunction: on several workers at once, must not throw, says whether all was computed.
  using BatchFunction = absl::AnyInvocable<bool(BatchOf<Task>) const>;

  // INVALID_ARGUMENT naming the option that is out of range.
  static absl::StatusOr<std::unique_ptr<TypedScheduler>> Create(const BatchSchedulerOptions& options,
                                                                BatchFunction run) {
    auto scheduler = BatchScheduler::Create(
        options, [run = std::move(run)](Batch batch) { return run(BatchOf<Task>(std::move(batch))); });
    if (!scheduler.ok()) return scheduler.status();
    return std::unique_ptr<TypedScheduler>(new TypedScheduler(*std::move(scheduler)));
  }

  // As BatchScheduler::Schedule: on error `task` is left with the caller, else it is null. May run the task before it
  // returns.
  absl::Status Schedule(std::unique_ptr<Task>& task) {
    std::unique_ptr<BatchTask> any = std::move(task);
    absl::Status status = scheduler_->Schedule(any);
    if (any != nullptr) task.reset(static_cast<Task*>(any.release()));
    return status;
  }

  // As BatchScheduler's.
  void ParallelFor(int64_t count, absl::FunctionRef<void(int64_t)> body) { scheduler_->ParallelFor(count, body); }
  void StopGathering() { scheduler_->StopGathering(); }
  void Drain() { scheduler_->Drain(); }
  int64_t queue_requests() const { return scheduler_->queue_requests(); }
  int64_t queue_bytes() const { return scheduler_->queue_bytes(); }
  int threads() const { return scheduler_->threads(); }

 private:
  explicit TypedScheduler(std::unique_ptr<BatchScheduler> scheduler) : scheduler_(std::move(scheduler)) {}

  const std::unique_ptr<BatchScheduler> scheduler_;
};

}  // namespace lossd

#endif  // LOSSD_CORE_SCHEDULING_TYPED_SCHEDULER_H_
