// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/scheduling/clock.h"

#include <thread>

#include "absl/base/thread_annotations.h"
#include "gtest/gtest.h"
#include "tests/support/simulated_clock.h"

namespace lossd {
namespace {

using ::lossd::testing::SimulatedClock;

bool Never(void*) { return false; }
const absl::Condition kNever(&Never, static_cast<void*>(nullptr));

TEST(RealClockTest, GoesByUnixTime) { EXPECT_GT(RealClock().TimeNow(), absl::FromUnixSeconds(1'600'000'000)); }

TEST(RealClockTest, AwaitReturnsTheConditionAtTheDeadline) {
  absl::Mutex mu;
  absl::MutexLock lock(&mu);
  EXPECT_FALSE(RealClock().AwaitWithDeadline(&mu, kNever, RealClock().TimeNow()));
  EXPECT_TRUE(RealClock().AwaitWithDeadline(&mu, absl::Condition::kTrue, absl::InfinitePast()));
}

TEST(SimulatedClockTest, StandsStillUntilAdvanced) {
  SimulatedClock clock(absl::UnixEpoch());
  EXPECT_EQ(clock.TimeNow(), absl::UnixEpoch());
  clock.AdvanceTime(absl::Nanoseconds(1));
  EXPECT_EQ(clock.TimeNow(), absl::UnixEpoch() + absl::Nanoseconds(1));
}

TEST(SimulatedClockTest, WakesWaiterAtItsDeadline) {
  SimulatedClock clock;
  absl::Mutex mu;
  const absl::Time deadline = clock.TimeNow() + absl::Seconds(2);
  absl::Time woken = absl::InfinitePast();
  std::thread waiter([&] {
    absl::MutexLock lock(&mu);
    EXPECT_FALSE(clock.AwaitWithDeadline(&mu, kNever, deadline));
    woken = clock.TimeNow();
  });
  clock.WaitUntilWaiting(1);
  clock.AdvanceTime(absl::Seconds(1));
  clock.AdvanceTime(absl::Seconds(1));
  waiter.join();
  EXPECT_EQ(woken, deadline);
}

TEST(SimulatedClockTest, WakesWaiterWhoseConditionComesTrue) {
  SimulatedClock clock;
  absl::Mutex mu;
  bool ready = false;
  std::thread waiter([&] {
    absl::MutexLock lock(&mu);
    EXPECT_TRUE(clock.AwaitWithDeadline(&mu, absl::Condition(&ready), absl::InfiniteFuture()));
  });
  clock.WaitUntilWaiting(1);
  {
    absl::MutexLock lock(&mu);
    ready = true;
  }
  waiter.join();
}

TEST(SimulatedClockTest, WaitUntilWaitingDoesNotCountWaitersThatAreDue) {
  SimulatedClock clock;
  absl::Mutex mu;
  constexpr int kRounds = 1000;
  const absl::Time start = clock.TimeNow();
  std::thread waiter([&] {
    absl::MutexLock lock(&mu);
    for (int round = 1; round <= kRounds; ++round) {
      EXPECT_FALSE(clock.AwaitWithDeadline(&mu, kNever, start + absl::Seconds(round)));
      EXPECT_EQ(clock.TimeNow(), start + absl::Seconds(round));
    }
  });
  for (int round = 1; round <= kRounds; ++round) {
    clock.WaitUntilWaiting(1);
    clock.AdvanceTime(absl::Seconds(1));
  }
  waiter.join();
}

}  // namespace
}  // namespace lossd
