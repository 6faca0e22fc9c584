// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/chaos.h"

#include <algorithm>

#include "gtest/gtest.h"

namespace lossd::load {
namespace {

TEST(ChaosTest, DelaysSpreadOverTheirWholeRange) {
  Chaos chaos(ChaosKind::kCancel, 3);
  int below_200us = 0, above_10ms = 0;
  for (int i = 0; i < 1000; ++i) {
    const absl::Duration delay = chaos.NextDelay();
    ASSERT_GE(delay, absl::Microseconds(20));
    ASSERT_LE(delay, absl::Milliseconds(100));
    below_200us += delay < absl::Microseconds(200);
    above_10ms += delay > absl::Milliseconds(10);
  }
  EXPECT_NEAR(below_200us, 270, 60);  // One order of magnitude of 3.7 each.
  EXPECT_NEAR(above_10ms, 270, 60);
}

TEST(ChaosTest, EqualSeedsDrawEqually) {
  Chaos first(ChaosKind::kCancel, 5), second(ChaosKind::kCancel, 5);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(first.NextShare(), second.NextShare());
}

TEST(ChaosTest, EveryKindHasAName) {
  EXPECT_EQ(ChaosName(ChaosKind::kCancel), "cancel");
  EXPECT_EQ(ChaosName(ChaosKind::kShortDeadline), "short-deadline");
  EXPECT_EQ(ChaosName(ChaosKind::kDisconnect), "disconnect");
  EXPECT_EQ(ChaosName(ChaosKind::kSlowReader), "slow-reader");
  EXPECT_EQ(ChaosDeeds(ChaosKind::kSlowReader), "reads delayed");
}

TEST(ChaosTest, CountsWhatItDisturbs) {
  Chaos chaos(ChaosKind::kDisconnect, 1);
  EXPECT_EQ(chaos.disturbances(), 0);
  chaos.Count();
  chaos.Count();
  EXPECT_EQ(chaos.disturbances(), 2);
}

}  // namespace
}  // namespace lossd::load
