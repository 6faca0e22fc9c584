// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/stop_signal.h"

#include <thread>

#include "gtest/gtest.h"
#include "tests/support/simulated_clock.h"

namespace lossd::load {
namespace {

TEST(StopSignalTest, WaitsEndWhenTheirTimeHasCome) {
  testing::SimulatedClock clock;
  StopSignal stop;
  bool reached = false;
  std::thread waiting([&] { reached = stop.WaitUntil(clock, clock.TimeNow() + absl::Seconds(1)); });
  clock.WaitUntilWaiting(1);
  clock.AdvanceTime(absl::Seconds(1));
  waiting.join();
  EXPECT_TRUE(reached);
  EXPECT_FALSE(stop.triggered());
}

TEST(StopSignalTest, WaitsEndWhenItIsTriggered) {
  testing::SimulatedClock clock;
  StopSignal stop;
  bool reached = true;
  std::thread waiting([&] { reached = stop.WaitUntil(clock, absl::InfiniteFuture()); });
  clock.WaitUntilWaiting(1);
  stop.Trigger();
  waiting.join();
  EXPECT_FALSE(reached);
  EXPECT_TRUE(stop.triggered());
}

TEST(StopSignalTest, NobodyWaitsAfterwards) {
  testing::SimulatedClock clock;
  StopSignal stop;
  stop.Trigger();
  EXPECT_FALSE(stop.WaitUntil(clock, absl::InfiniteFuture()));
}

}  // namespace
}  // namespace lossd::load
