// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/arrival_schedule.h"

#include "gtest/gtest.h"

namespace lossd::load {
namespace {

double ArrivalsBefore(absl::Duration end, const ArrivalOptions& options) {
  ArrivalSchedule schedule(options);
  double arrivals = 0;
  while (schedule.Next() < end) ++arrivals;
  return arrivals;
}

TEST(ArrivalScheduleTest, ConstantArrivalsAreEvenlySpaced) {
  ArrivalSchedule schedule({100, 100});
  for (int i = 1; i <= 1000; ++i) {
    EXPECT_NEAR(absl::ToDoubleSeconds(schedule.Next()), i * 0.01, 1e-9);
  }
}

TEST(ArrivalScheduleTest, PoissonArrivalsHaveTheRateAndTheSpreadOfAPoissonProcess) {
  ArrivalSchedule schedule({1000, 1000, absl::ZeroDuration(), true, 5});
  absl::Duration last;
  double sum = 0, squares = 0;
  constexpr int kArrivals = 100000;
  for (int i = 0; i < kArrivals; ++i) {
    const absl::Duration next = schedule.Next();
    ASSERT_GE(next, last);
    const double gap = absl::ToDoubleSeconds(next - last) * 1000;
    sum += gap;
    squares += gap * gap;
    last = next;
  }
  EXPECT_NEAR(sum / kArrivals, 1, 0.02);
  EXPECT_NEAR(squares / kArrivals, 2, 0.1);  // Variance 1 of the exponential distribution.
}

TEST(ArrivalScheduleTest, EqualSeedsGiveEqualArrivals) {
  ArrivalSchedule first({10, 10, absl::ZeroDuration(), true, 1}), second({10, 10, absl::ZeroDuration(), true, 1});
  ArrivalSchedule third({10, 10, absl::ZeroDuration(), true, 2});
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const absl::Duration arrival = first.Next();
    EXPECT_EQ(arrival, second.Next());
    differs |= arrival != third.Next();
  }
  EXPECT_TRUE(differs);
}

TEST(ArrivalScheduleTest, RampsMoveLinearlyFromOneRateToTheOther) {
  // In t seconds of a ramp of 10 s from 100/s to 300/s, 100 t + 10 t² arrive.
  const ArrivalOptions up{100, 300, absl::Seconds(10)};
  EXPECT_NEAR(ArrivalsBefore(absl::Seconds(5), up), 750, 1);
  EXPECT_NEAR(ArrivalsBefore(absl::Seconds(10), up), 2000, 1);
  EXPECT_NEAR(ArrivalsBefore(absl::Seconds(12), up), 2600, 1);
  const ArrivalOptions down{300, 100, absl::Seconds(10)};
  EXPECT_NEAR(ArrivalsBefore(absl::Seconds(5), down), 1250, 1);
  EXPECT_NEAR(ArrivalsBefore(absl::Seconds(12), down), 2200, 1);
}

TEST(ArrivalScheduleTest, PassingOverArrivalsIsTakingThemOneByOne) {
  for (const ArrivalOptions& options : {ArrivalOptions{100, 100}, ArrivalOptions{100, 300, absl::Seconds(10)},
                                        ArrivalOptions{300, 100, absl::Seconds(3)}}) {
    ArrivalSchedule schedule(options);
    for (int i = 0; i < 5; ++i) schedule.Next();
    EXPECT_EQ(schedule.PassOver(absl::Milliseconds(12345)), ArrivalsBefore(absl::Milliseconds(12345), options) - 5);
    EXPECT_EQ(schedule.PassOver(absl::Milliseconds(12345)), 0);
    EXPECT_GE(schedule.Next(), absl::Milliseconds(12345));
  }
  ArrivalSchedule poisson({1000, 1000, absl::ZeroDuration(), true, 5});
  EXPECT_NEAR(static_cast<double>(poisson.PassOver(absl::Hours(1000))), 3.6e9, 2);
}

}  // namespace
}  // namespace lossd::load
