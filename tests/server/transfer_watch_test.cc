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
  TransferWatch::Transfer transfer = watch_.Watch([&] { ++cuts; });
  Sweep(3);
  transfer.Begin();
  Sweep(4);
  EXPECT_EQ(cuts, 0);
  Sweep(1);
  EXPECT_EQ(cuts, 1);
  Sweep(6);
  EXPECT_EQ(cuts, 1);
}

TEST_F(TransferWatchTest, LeavesThoseAloneThatHaveNotBegunOrHaveEnded) {
  int cuts = 0;
  const TransferWatch::Transfer idle = watch_.Watch([&] { ++cuts; });
  TransferWatch::Transfer ended = watch_.Watch([&] { ++cuts; });
  ended.Begin();
  ended.End();
  ended.End();
  {
    TransferWatch::Transfer gone = watch_.Watch([&] { ++cuts; });
    gone.Begin();
  }
  TransferWatch::Transfer replaced = watch_.Watch([&] { ++cuts; });
  replaced.Begin();
  replaced = TransferWatch::Transfer();
  Sweep(10);
  EXPECT_EQ(cuts, 0);
}

TEST_F(TransferWatchTest, TransferThatWasMovedIsWatchedInItsNewPlace) {
  int cuts = 0;
  TransferWatch::Transfer moved = watch_.Watch([&] { ++cuts; });
  moved.Begin();
  const TransferWatch::Transfer owner = std::move(moved);
  moved.End();
  Sweep(5);
  EXPECT_EQ(cuts, 1);
}

TEST_F(TransferWatchTest, NextTransferHasItsTimeFromItsOwnBeginning) {
  int cuts = 0;
  TransferWatch::Transfer transfer = watch_.Watch([&] { ++cuts; });
  transfer.Begin();
  Sweep(3);
  transfer.End();
  transfer.Begin();
  Sweep(4);
  EXPECT_EQ(cuts, 0);
  Sweep(1);
  EXPECT_EQ(cuts, 1);
}

TEST(TransferWatchThreadTest, SweepsByItselfAsTimePasses) {
  TransferWatch watch(absl::Milliseconds(4));
  absl::Notification cut;
  TransferWatch::Transfer transfer = watch.Watch([&] { cut.Notify(); });
  transfer.Begin();
  cut.WaitForNotification();
}

TEST(TransferWatchWithoutTimeoutTest, WatchesNothing) {
  TransferWatch watch(absl::InfiniteDuration());
  int cuts = 0;
  TransferWatch::Transfer transfer = watch.Watch([&] { ++cuts; });
  transfer.Begin();
  for (int i = 0; i < 10; ++i) watch.Sweep();
  EXPECT_EQ(cuts, 0);
}

}  // namespace
}  // namespace lossd
