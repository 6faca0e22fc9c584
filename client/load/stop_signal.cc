// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/stop_signal.h"

namespace lossd::load {

void StopSignal::Trigger() {
  absl::MutexLock lock(&mu_);
  triggered_ = true;
}

bool StopSignal::WaitUntil(Clock& clock, absl::Time time) {
  absl::MutexLock lock(&mu_);
  const auto triggered = [this] { return triggered_.load(); };
  return !clock.AwaitWithDeadline(&mu_, absl::Condition(&triggered), time);
}

}  // namespace lossd::load
