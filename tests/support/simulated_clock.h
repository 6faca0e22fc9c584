// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A clock that stands still until a test moves it.

#ifndef LOSSD_TESTS_SUPPORT_SIMULATED_CLOCK_H_
#define LOSSD_TESTS_SUPPORT_SIMULATED_CLOCK_H_

#include <atomic>
#include <cstddef>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/scheduling/clock.h"

namespace lossd::testing {

// Thread-safe. The mutexes that threads wait on live until AdvanceTime has returned.
class SimulatedClock final : public Clock {
 public:
  explicit SimulatedClock(absl::Time now = absl::FromUnixSeconds(1'000'000'000)) : now_(now) {}

  absl::Time TimeNow() override;
  bool AwaitWithDeadline(absl::Mutex* mu, const absl::Condition& condition, absl::Time deadline) override;

  // Makes `duration` >= 0 pass and wakes the threads whose deadline is reached.
  void AdvanceTime(absl::Duration duration);

  // Returns once at least `threads` threads wait in AwaitWithDeadline for a deadline that is not reached.
  void WaitUntilWaiting(size_t threads);

 private:
  struct Waiter {
    absl::Mutex* mu;
    absl::Time deadline;
    std::atomic<bool> expired;
  };

  absl::Mutex mu_;  // Taken after the waiters' mutexes.
  absl::Time now_ ABSL_GUARDED_BY(mu_);
  std::vector<Waiter*> waiters_ ABSL_GUARDED_BY(mu_);
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_SIMULATED_CLOCK_H_
