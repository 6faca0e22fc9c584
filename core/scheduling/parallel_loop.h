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
//
//    next_ ->  0 1 2 3 4 5 6 7 8 ... count_         each thread claims the next one, whichever thread it is
//              a b a c b a                          a: the caller, in RunAll; b, c: helpers, in RunUntil
//
// The caller is done when nothing is left to claim and the last helper is gone; the loop may be destroyed only then.
// What a helper runs meanwhile may call for loops of its own, whose parent_ this is.
class ParallelLoop {
 public:
  // `body` outlives the loop, and is called by several threads at once, each index once. Remembers the loop inside
  // which the calling thread is, if any. `count` >= 0.
  ParallelLoop(int64_t count, absl::FunctionRef<void(int64_t)> body);

  // Runs iterations that nobody has claimed, one after another, until none is left or `stop`, looked at before each,
  // is true. Where one throws, none is left to claim, and it is kept for RethrowError: of several the first. Takes no
  // lock.
  void RunUntil(const std::atomic<bool>& stop);
  // The same, whatever others want.
  void RunAll();

  // A hint, where others claim meanwhile.
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
