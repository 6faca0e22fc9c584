// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/pauses.h"

#include <string>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "tests/support/simulated_clock.h"

namespace lossd::load {
namespace {

TEST(PausesTest, RunsWhatIsDueInTheOrderOfItsTime) {
  testing::SimulatedClock clock;
  Pauses pauses(clock);
  std::string order;
  absl::Notification second;
  const absl::Time now = clock.TimeNow();
  pauses.Add(now + absl::Seconds(2), [&] {
    order += "b";
    second.Notify();
  });
  pauses.Add(now + absl::Seconds(1), [&] { order += "a"; });
  pauses.Add(now + absl::Seconds(3), [&] { order += "c"; });
  clock.AdvanceTime(absl::Seconds(2));
  second.WaitForNotification();
  EXPECT_EQ(order, "ab");
}

TEST(PausesTest, RunsAtOnceWhatWaitsAndWhatComesOnceTheyHaveEnded) {
  testing::SimulatedClock clock;
  Pauses pauses(clock);
  absl::Notification waited, came;
  pauses.Add(absl::InfiniteFuture(), [&] { waited.Notify(); });
  pauses.End();
  waited.WaitForNotification();
  pauses.Add(clock.TimeNow() + absl::Hours(1), [&] { came.Notify(); });
  came.WaitForNotification();
  bool ran = false;
  {
    Pauses others(clock);
    others.End();
    others.Allow();
    others.Add(clock.TimeNow() + absl::Hours(1), [&] { ran = true; });
  }
  EXPECT_TRUE(ran) << "destruction forgets nothing";
}

TEST(PausesTest, WorkMayPauseAgain) {
  testing::SimulatedClock clock;
  Pauses pauses(clock);
  absl::Notification done;
  pauses.Add(clock.TimeNow(), [&] { pauses.Add(clock.TimeNow(), [&] { done.Notify(); }); });
  done.WaitForNotification();
}

}  // namespace
}  // namespace lossd::load
