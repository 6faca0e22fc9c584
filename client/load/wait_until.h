// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Waits for a time.

#ifndef LOSSD_CLIENT_LOAD_WAIT_UNTIL_H_
#define LOSSD_CLIENT_LOAD_WAIT_UNTIL_H_

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/scheduling/clock.h"

namespace lossd::load {

// Returns when `clock` has reached `time`.
inline void WaitUntil(Clock& clock, absl::Time time) {
  absl::Mutex mu;
  absl::MutexLock lock(&mu);
  const auto never = [] { return false; };
  clock.AwaitWithDeadline(&mu, absl::Condition(&never), time);
}

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_WAIT_UNTIL_H_
