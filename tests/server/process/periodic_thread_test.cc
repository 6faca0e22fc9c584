// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process/periodic_thread.h"

#include <atomic>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(PeriodicThreadTest, CallsAgainAndAgain) {
  std::atomic<int> calls = 0;
  absl::Notification third;
  const PeriodicThread thread("periodic", absl::Milliseconds(1), [&] {
    if (++calls == 3) third.Notify();
  });
  third.WaitForNotification();
}

TEST(PeriodicThreadTest, RunsSoonWhenAsked) {
  absl::Notification ran;
  PeriodicThread thread("periodic", absl::Hours(1), [&] { ran.Notify(); });
  thread.RunSoon();
  ran.WaitForNotification();
}

TEST(PeriodicThreadTest, EndsAtOnceHoweverLongThePeriodIsAndWithoutACall) {
  for (const absl::Duration period : {absl::Hours(1), absl::Hours(1e15)}) {
    std::atomic<int> calls = 0;
    {
      const PeriodicThread thread("periodic", period, [&] { ++calls; });
    }
    EXPECT_EQ(calls, 0);
  }
}

}  // namespace
}  // namespace lossd
