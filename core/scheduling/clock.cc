// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/scheduling/clock.h"

#include "absl/base/thread_annotations.h"
#include "absl/time/clock.h"

namespace lossd {
namespace {

class SystemClock final : public Clock {
 public:
  absl::Time TimeNow() override { return absl::Now(); }

  bool AwaitWithDeadline(absl::Mutex* mu, const absl::Condition& condition,
                         absl::Time deadline) override ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return mu->AwaitWithDeadline(condition, deadline);
  }
};

}  // namespace

Clock& RealClock() {
  static SystemClock* const clock = new SystemClock;
  return *clock;
}

}  // namespace lossd
