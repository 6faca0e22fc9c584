// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A loop whose iterations several threads share out. The pieces of BatchScheduler::ParallelFor that need no lock.

#ifndef LOSSD_CORE_SCHEDULING_PARALLEL_LOOP_H_
#define LOSSD_CORE_SCHEDULING_PARALLEL_LOOP_H_

#include <atomic>
#include <cstdint>
#include <exception>
#include <vector>

#include "absl/functional/function_ref.h"

namespace lossd {

// A loop in progress; lives on the stack of the thread that called for it. Thread-safe.
class ParallelLoop {
 public:
  // `body` outlives the loop. Remembers the loop inside which the calling thread is, if any.
  ParallelLoop(int64_t count, absl::FunctionRef<void(int64_t)> body);

  // Runs iterations that nobody has claimed, one after another, until none is left or `stop`, looked at before each,
  // is true. Where one throws, none is left to claim.
  void RunUntil(const std::atomic<bool>& stop);
  void RunAll();

  bool HasUnclaimed() const { return next_.load(std::memory_order_relaxed) < count_; }

  // Whether this loop was called for from inside `other`, at any depth.
  bool IsInside(const ParallelLoop& other) const;

  // Threads other than the caller's that are at it. What a helper wrote is visible to who sees it gone.
  void AddHelper() { helpers_.fetch_add(1, std::memory_order_relaxed); }
  void RemoveHelper() { helpers_.fetch_sub(1, std::memory_order_release); }
  bool HasHelpers() const { return helpers_.load(std::memory_order_acquire) > 0; }

  // Throws what an iteration has thrown, if one has; to be called by the loop's own thread, once there are no helpers.
  void RethrowError() const;

 private:
  const int64_t count_;
  const absl::FunctionRef<void(int64_t)> body_;
  const ParallelLoop* const parent_;  // Not owned; cannot end before this does.
  std::atomic<int64_t> next_ = 0;
  std::atomic<int> helpers_ = 0;
  std::atomic<bool> failed_ = false;
  std::exception_ptr error_;  // Of who has set failed_.
};

// The loops in progress, oldest first. Not thread-safe; callers hold their own lock.
class ParallelLoops {
 public:
  void Add(ParallelLoop* loop) { loops_.push_back(loop); }
  void Remove(ParallelLoop* loop);

  // The oldest loop with iterations to claim (inside `outer`, unless that is null); null if there is none.
  ParallelLoop* FindUnclaimed(const ParallelLoop* outer) const;

 private:
  std::vector<ParallelLoop*> loops_;  // Not owned. At most one a thread and depth of nesting.
};

}  // namespace lossd

#endif  // LOSSD_CORE_SCHEDULING_PARALLEL_LOOP_H_
