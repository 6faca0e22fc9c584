// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/scheduling/turnover.h"

#include "gtest/gtest.h"

namespace lossd {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'000'000);

TEST(TurnoverTest, KnowsNothingAtFirst) {
  Turnover turnover;
  EXPECT_EQ(turnover.TimeFor(100), std::nullopt);
  for (int i = 0; i < 3; ++i) turnover.Note(10, kStart + i * absl::Seconds(1));
  EXPECT_EQ(turnover.TimeFor(100), std::nullopt);
}

TEST(TurnoverTest, IsUnitsOverThePaceOfReturns) {
  Turnover turnover;
  for (int i = 0; i < 40; ++i) turnover.Note(10, kStart + i * absl::Seconds(2));
  EXPECT_EQ(turnover.TimeFor(100), absl::Seconds(20));
  EXPECT_EQ(turnover.TimeFor(0), absl::ZeroDuration());
}

TEST(TurnoverTest, ForgetsWhatIsLongPast) {
  Turnover turnover;
  for (int i = 0; i < 40; ++i) turnover.Note(10, kStart + i * absl::Seconds(2));
  for (int i = 0; i < 16; ++i) turnover.Note(10, kStart + absl::Seconds(100) + i * absl::Milliseconds(20));
  EXPECT_EQ(turnover.TimeFor(100), absl::Milliseconds(200));
  turnover.Forget();
  EXPECT_EQ(turnover.TimeFor(100), std::nullopt);
}

TEST(TurnoverTest, AClockThatIsSetBackTellsNothing) {
  Turnover turnover;
  for (int i = 0; i < 8; ++i) turnover.Note(10, kStart - i * absl::Seconds(1));
  EXPECT_EQ(turnover.TimeFor(100), std::nullopt);
}

}  // namespace
}  // namespace lossd
