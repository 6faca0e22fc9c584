// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/transfer_watch.h"

#include <utility>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

class TransferWatchTest : public ::testing::Test {
 protected:
  void Sweep(int times) {
    for (int i = 0; i < times; ++i) watch_.Sweep();
  }

  TransferWatch watch_{absl::Hours(1000)};  // Its own thread does nothing.
};

TEST_F(TransferWatchTest, CutsATransferOnceWhenItsTimeIsOver) {
  int cuts = 0;
  const TransferWatch::Transfer transfer = watch_.Begin([&] { ++cuts; });
  Sweep(4);
  EXPECT_EQ(cuts, 0);
  Sweep(1);
  EXPECT_EQ(cuts, 1);
  Sweep(6);
  EXPECT_EQ(cuts, 1);
}

TEST_F(TransferWatchTest, LeavesThoseAloneThatHaveEnded) {
  int cuts = 0;
  TransferWatch::Transfer ended = watch_.Begin([&] { ++cuts; });
  TransferWatch::Transfer moved = watch_.Begin([&] { ++cuts; });
  ended.End();
  ended.End();
  const TransferWatch::Transfer owner = std::move(moved);
  moved.End();
  Sweep(5);
  EXPECT_EQ(cuts, 1);
}

TEST_F(TransferWatchTest, NewTransferInPlaceOfAnOldOneHasItsTimeFromItsOwnBeginning) {
  int cuts = 0;
  TransferWatch::Transfer transfer = watch_.Begin([&] { cuts += 100; });
  Sweep(3);
  transfer = watch_.Begin([&] { ++cuts; });
  Sweep(4);
  EXPECT_EQ(cuts, 0);
  Sweep(1);
  EXPECT_EQ(cuts, 1);
}

TEST(TransferWatchThreadTest, SweepsByItselfAsTimePasses) {
  TransferWatch watch(absl::Milliseconds(4));
  absl::Notification cut;
  const TransferWatch::Transfer transfer = watch.Begin([&] { cut.Notify(); });
  cut.WaitForNotification();
}

TEST(TransferWatchWithoutTimeoutTest, WatchesNothing) {
  TransferWatch watch(absl::InfiniteDuration());
  int cuts = 0;
  const TransferWatch::Transfer transfer = watch.Begin([&] { ++cuts; });
  for (int i = 0; i < 10; ++i) watch.Sweep();
  EXPECT_EQ(cuts, 0);
}

}  // namespace
}  // namespace lossd
