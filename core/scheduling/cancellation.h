// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A caller's word that an answer is no longer wanted.

#ifndef LOSSD_CORE_SCHEDULING_CANCELLATION_H_
#define LOSSD_CORE_SCHEDULING_CANCELLATION_H_

#include <atomic>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"

namespace lossd {

// Set once, by the caller, or by the scheduler when a running task's deadline comes; seen by whoever holds the task.
// Thread-safe. Shared between them by std::shared_ptr.
class Cancellation : public std::enable_shared_from_this<Cancellation> {
 public:
  // Marks the task as cancelled and calls the listener, if one is set, on this thread and with the lock of this held.
  // Later calls do nothing, but return only once the first has.
  void Cancel();

  // The mark itself, for computations that look at it between chunks.
  const std::atomic<bool>& flag() const { return cancelled_; }
  bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }

  // Sets the function that Cancel calls; calls it at once if Cancel came first. Replaces an earlier listener; an empty
  // one removes it, and after that returned, the removed listener is not running and will not run. The listener must
  // not call back into this object.
  void SetListener(absl::AnyInvocable<void()> listener);

 private:
  std::atomic<bool> cancelled_ = false;
  absl::Mutex mu_;
  absl::AnyInvocable<void()> listener_ ABSL_GUARDED_BY(mu_);
};

}  // namespace lossd

#endif  // LOSSD_CORE_SCHEDULING_CANCELLATION_H_
