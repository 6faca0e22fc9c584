// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Tells ThreadSanitizer which order Abseil's mutexes and notifications impose.
//
// A distribution's Abseil is not built with ThreadSanitizer, which then sees the accesses to what a mutex guards but
// not the mutex, and reports them all as races. In builds with ThreadSanitizer tsan.cmake has the linker send our calls
// through the functions below, which announce each operation as Abseil itself would have done. Within an announced
// operation, as where a mutex looks at another thread's condition, ThreadSanitizer ignores all accesses.
//
// Not covered: operations that Abseil or gRPC do within their own libraries, HasBeenNotified, and readers' locks.

#include <sanitizer/tsan_interface.h>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

namespace {

using ::absl::BlockingCounter;
using ::absl::Condition;
using ::absl::Duration;
using ::absl::Mutex;
using ::absl::Notification;
using ::absl::ReleasableMutexLock;
using ::absl::Time;

// What takes a mutex: announced as long as it lives.
class Locking {
 public:
  explicit Locking(Mutex* mu) : mu_(mu) { __tsan_mutex_pre_lock(mu_, 0); }
  ~Locking() { __tsan_mutex_post_lock(mu_, 0, 0); }

 private:
  Mutex* const mu_;
};

// What gives a mutex back.
class Unlocking {
 public:
  explicit Unlocking(Mutex* mu) : mu_(mu) { __tsan_mutex_pre_unlock(mu_, 0); }
  ~Unlocking() { __tsan_mutex_post_unlock(mu_, 0); }

 private:
  Mutex* const mu_;
};

}  // namespace

// LOSSD_ABSL is how the mangled names of Abseil's members begin ("_ZN4absl" and the inline namespace), LOSSD_ABSL_CONST
// how those of const members do.
extern "C" {
void RealDestroy(Mutex*) asm("__real_" LOSSD_ABSL "5MutexD1Ev");
void RealLock(Mutex*) asm("__real_" LOSSD_ABSL "5Mutex4LockEv");
void RealUnlock(Mutex*) asm("__real_" LOSSD_ABSL "5Mutex6UnlockEv");
void RealLockWhen(Mutex*, const Condition&) asm("__real_" LOSSD_ABSL "5Mutex8LockWhenERKNS0_9ConditionE");
void RealAwait(Mutex*, const Condition&) asm("__real_" LOSSD_ABSL "5Mutex5AwaitERKNS0_9ConditionE");
bool RealAwaitUntil(Mutex*, const Condition&,
                    Time) asm("__real_" LOSSD_ABSL "5Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE");
bool RealAwaitFor(Mutex*, const Condition&,
                  Duration) asm("__real_" LOSSD_ABSL "5Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE");
void RealRelease(ReleasableMutexLock*) asm("__real_" LOSSD_ABSL "19ReleasableMutexLock7ReleaseEv");
void RealNotify(Notification*) asm("__real_" LOSSD_ABSL "12Notification6NotifyEv");
void RealWaitFor(const Notification*) asm("__real_" LOSSD_ABSL_CONST "12Notification19WaitForNotificationEv");
bool RealDecrement(BlockingCounter*) asm("__real_" LOSSD_ABSL "15BlockingCounter14DecrementCountEv");
void RealWait(BlockingCounter*) asm("__real_" LOSSD_ABSL "15BlockingCounter4WaitEv");

void WrapDestroy(Mutex*) asm("__wrap_" LOSSD_ABSL "5MutexD1Ev");
void WrapLock(Mutex*) asm("__wrap_" LOSSD_ABSL "5Mutex4LockEv");
void WrapUnlock(Mutex*) asm("__wrap_" LOSSD_ABSL "5Mutex6UnlockEv");
void WrapLockWhen(Mutex*, const Condition&) asm("__wrap_" LOSSD_ABSL "5Mutex8LockWhenERKNS0_9ConditionE");
void WrapAwait(Mutex*, const Condition&) asm("__wrap_" LOSSD_ABSL "5Mutex5AwaitERKNS0_9ConditionE");
bool WrapAwaitUntil(Mutex*, const Condition&,
                    Time) asm("__wrap_" LOSSD_ABSL "5Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE");
bool WrapAwaitFor(Mutex*, const Condition&,
                  Duration) asm("__wrap_" LOSSD_ABSL "5Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE");
void WrapRelease(ReleasableMutexLock*) asm("__wrap_" LOSSD_ABSL "19ReleasableMutexLock7ReleaseEv");
void WrapNotify(Notification*) asm("__wrap_" LOSSD_ABSL "12Notification6NotifyEv");
void WrapWaitFor(const Notification*) asm("__wrap_" LOSSD_ABSL_CONST "12Notification19WaitForNotificationEv");
bool WrapDecrement(BlockingCounter*) asm("__wrap_" LOSSD_ABSL "15BlockingCounter14DecrementCountEv");
void WrapWait(BlockingCounter*) asm("__wrap_" LOSSD_ABSL "15BlockingCounter4WaitEv");

void WrapDestroy(Mutex* mu) {
  __tsan_mutex_destroy(mu, __tsan_mutex_not_static);
  RealDestroy(mu);
}

void WrapLock(Mutex* mu) {
  const Locking locking(mu);
  RealLock(mu);
}

void WrapUnlock(Mutex* mu) {
  const Unlocking unlocking(mu);
  RealUnlock(mu);
}

void WrapLockWhen(Mutex* mu, const Condition& condition) {
  const Locking locking(mu);
  RealLockWhen(mu, condition);
}

// To await a condition is to unlock and to lock again.
void WrapAwait(Mutex* mu, const Condition& condition) {
  { const Unlocking unlocking(mu); }
  const Locking locking(mu);
  RealAwait(mu, condition);
}

bool WrapAwaitUntil(Mutex* mu, const Condition& condition, Time deadline) {
  { const Unlocking unlocking(mu); }
  const Locking locking(mu);
  return RealAwaitUntil(mu, condition, deadline);
}

bool WrapAwaitFor(Mutex* mu, const Condition& condition, Duration timeout) {
  { const Unlocking unlocking(mu); }
  const Locking locking(mu);
  return RealAwaitFor(mu, condition, timeout);
}

// The mutex is all that a lock has. It is unlocked within the library.
void WrapRelease(ReleasableMutexLock* lock) {
  static_assert(sizeof(ReleasableMutexLock) == sizeof(Mutex*));
  const Unlocking unlocking(*reinterpret_cast<Mutex* const*>(lock));
  RealRelease(lock);
}

void WrapNotify(Notification* notification) {
  __tsan_release(notification);
  RealNotify(notification);
}

void WrapWaitFor(const Notification* notification) {
  RealWaitFor(notification);
  __tsan_acquire(const_cast<Notification*>(notification));
}

bool WrapDecrement(BlockingCounter* counter) {
  __tsan_release(counter);
  return RealDecrement(counter);
}

void WrapWait(BlockingCounter* counter) {
  RealWait(counter);
  __tsan_acquire(counter);
}
}  // extern "C"
