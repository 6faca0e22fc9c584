// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Ends waits early.

#ifndef LOSSD_CLIENT_LOAD_STOP_SIGNAL_H_
#define LOSSD_CLIENT_LOAD_STOP_SIGNAL_H_

#include <atomic>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/scheduling/clock.h"

namespace lossd::load {

// Given once, for good, and seen by all who wait or ask. Asking takes no lock. Thread-safe.
class StopSignal {
 public:
  // Wakes all who wait, of whatever clock. Not from a signal handler: takes a lock.
  void Trigger();
  bool triggered() const { return triggered_; }

  // Returns when `clock` has reached `time`, or when this is triggered: then false.
  bool WaitUntil(Clock& clock, absl::Time time);

 private:
  absl::Mutex mu_;  // Held to trigger, so that waits see it.
  std::atomic<bool> triggered_{false};
};

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_STOP_SIGNAL_H_
