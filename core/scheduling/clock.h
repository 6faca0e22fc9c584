// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Where time comes from, so that tests can make it pass. The shape is that of newer Abseil releases' absl::Clock.

#ifndef LOSSD_CORE_SCHEDULING_CLOCK_H_
#define LOSSD_CORE_SCHEDULING_CLOCK_H_

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace lossd {

// Tells the time and waits for it. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // Now. It may go back, where somebody sets the system's clock.
  virtual absl::Time TimeNow() = 0;

  // Releases `mu`, which the caller holds exclusively, until `condition` is true or this clock reaches `deadline`;
  // holds `mu` again on return, and returns what `condition` is then.
  virtual bool AwaitWithDeadline(absl::Mutex* mu, const absl::Condition& condition, absl::Time deadline) = 0;
};

// The system's wall clock, by which gRPC's deadlines go. Never destroyed, so that it outlives whatever is told to be
// outlived by its clock.
Clock& RealClock();

}  // namespace lossd

#endif  // LOSSD_CORE_SCHEDULING_CLOCK_H_
