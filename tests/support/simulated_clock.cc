// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/simulated_clock.h"

#include <algorithm>

namespace lossd::testing {

absl::Time SimulatedClock::TimeNow() {
  absl::MutexLock lock(&mu_);
  return now_;
}

bool SimulatedClock::AwaitWithDeadline(absl::Mutex* mu, const absl::Condition& condition,
                                       absl::Time deadline) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  Waiter waiter = {.mu = mu, .deadline = deadline, .expired = false};
  {
    absl::MutexLock lock(&mu_);
    waiter.expired = deadline <= now_;
    waiters_.push_back(&waiter);
  }
  const auto done = [&] { return waiter.expired.load() || condition.Eval(); };
  mu->Await(absl::Condition(&done));
  {
    absl::MutexLock lock(&mu_);
    waiters_.erase(std::find(waiters_.begin(), waiters_.end(), &waiter));
  }
  return condition.Eval();
}

void SimulatedClock::AdvanceTime(absl::Duration duration) {
  std::vector<absl::Mutex*> to_wake;
  {
    absl::MutexLock lock(&mu_);
    now_ += duration;
    for (Waiter* const waiter : waiters_) {
      if (waiter->deadline > now_) continue;
      waiter->expired = true;
      to_wake.push_back(waiter->mu);
    }
  }
  // Unlocking a mutex makes it look at the conditions of those who wait for it.
  for (absl::Mutex* const mu : to_wake) absl::MutexLock lock(mu);
}

void SimulatedClock::WaitUntilWaiting(size_t threads) {
  absl::MutexLock lock(&mu_);
  const auto waiting = [this, threads] {
    mu_.AssertReaderHeld();
    // One that is due runs on as soon as it gets its mutex.
    const auto waits = [](const Waiter* waiter) { return !waiter->expired; };
    return std::count_if(waiters_.begin(), waiters_.end(), waits) >= static_cast<ptrdiff_t>(threads);
  };
  mu_.Await(absl::Condition(&waiting));
}

}  // namespace lossd::testing
