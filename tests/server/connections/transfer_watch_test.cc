// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/transfer_watch.h"

#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Attempt = TransferWatch::Attempt;
using Direction = TransferWatch::Direction;

class TransferWatchTest : public ::testing::Test {
 protected:
  void Sweep(int times) {
    for (int i = 0; i < times; ++i) watch_.Sweep();
  }

  TransferWatch watch_{absl::Hours(1000)};  // Its own thread does nothing.
};

TEST_F(TransferWatchTest, CutsATransferWhenItsTimeIsOverAndOnceMoreIfItGoesOn) {
  std::vector<Attempt> cuts;
  TransferWatch::Transfer transfer = watch_.Watch([&](Attempt attempt) { cuts.push_back(attempt); });
  Sweep(3);
  transfer.Begin(Direction::kIn);
  Sweep(4);
  EXPECT_THAT(cuts, IsEmpty());
  Sweep(1);
  EXPECT_THAT(cuts, ElementsAre(Attempt::kFirst));
  Sweep(1);
  EXPECT_THAT(cuts, ElementsAre(Attempt::kFirst, Attempt::kLast));
  Sweep(6);
  EXPECT_THAT(cuts, SizeIs(2));
}

// A server that is behind has not looked at what its clients have sent.
TEST(TransferWatchOfServerTest, TimeStandsStillWhileTheServerDoesNotKeepUp) {
  bool keeps_up = true;
  int cuts = 0;
  TransferWatch watch(absl::Hours(1000), [&] { return keeps_up; });
  TransferWatch::Transfer transfer = watch.Watch([&](Attempt) { ++cuts; });
  transfer.Begin(Direction::kIn);
  for (int i = 0; i < 3; ++i) watch.Sweep();
  keeps_up = false;
  for (int i = 0; i < 100; ++i) watch.Sweep();
  keeps_up = true;
  watch.Sweep();
  EXPECT_EQ(cuts, 0);
  watch.Sweep();
  EXPECT_EQ(cuts, 1);
}

TEST_F(TransferWatchTest, TransfersInBothDirectionsHaveTheirOwnTime) {
  int cuts = 0;
  TransferWatch::Transfer transfer = watch_.Watch([&](Attempt) { ++cuts; });
  transfer.Begin(Direction::kOut);
  Sweep(4);
  transfer.Begin(Direction::kIn);
  transfer.End(Direction::kOut);
  Sweep(4);
  EXPECT_EQ(cuts, 0);
  Sweep(1);
  EXPECT_EQ(cuts, 1);
}

TEST_F(TransferWatchTest, LeavesThoseAloneThatHaveNotBegunOrHaveEnded) {
  int cuts = 0;
  const TransferWatch::Transfer idle = watch_.Watch([&](Attempt) { ++cuts; });
  TransferWatch::Transfer ended = watch_.Watch([&](Attempt) { ++cuts; });
  ended.Begin(Direction::kIn);
  ended.End(Direction::kIn);
  ended.End(Direction::kIn);
  {
    TransferWatch::Transfer gone = watch_.Watch([&](Attempt) { ++cuts; });
    gone.Begin(Direction::kIn);
  }
  TransferWatch::Transfer replaced = watch_.Watch([&](Attempt) { ++cuts; });
  replaced.Begin(Direction::kIn);
  replaced = TransferWatch::Transfer();
  Sweep(10);
  EXPECT_EQ(cuts, 0);
}

TEST_F(TransferWatchTest, TransferThatWasMovedIsWatchedInItsNewPlace) {
  int cuts = 0;
  TransferWatch::Transfer moved = watch_.Watch([&](Attempt) { ++cuts; });
  moved.Begin(Direction::kIn);
  const TransferWatch::Transfer owner = std::move(moved);
  moved.End(Direction::kIn);  // NOLINT(bugprone-use-after-move): it ends nothing any more.
  Sweep(5);
  EXPECT_EQ(cuts, 1);
}

TEST_F(TransferWatchTest, NextTransferHasItsTimeFromItsOwnBeginning) {
  int cuts = 0;
  TransferWatch::Transfer transfer = watch_.Watch([&](Attempt) { ++cuts; });
  transfer.Begin(Direction::kIn);
  Sweep(3);
  transfer.End(Direction::kIn);
  transfer.Begin(Direction::kIn);
  Sweep(4);
  EXPECT_EQ(cuts, 0);
  Sweep(1);
  EXPECT_EQ(cuts, 1);
}

TEST_F(TransferWatchTest, IdleTransferHasItsTimeFromWhenItIsNotIdleAnyMore) {
  int cuts = 0;
  bool idle = true;
  TransferWatch::Transfer transfer = watch_.Watch([&](Attempt) { ++cuts; }, [&] { return idle; });
  transfer.Begin(Direction::kIn);
  Sweep(20);
  EXPECT_EQ(cuts, 0);
  idle = false;
  Sweep(4);
  EXPECT_EQ(cuts, 0);
  Sweep(1);
  EXPECT_EQ(cuts, 1);
}

TEST(TransferWatchThreadTest, SweepsByItselfAsTimePasses) {
  TransferWatch watch(absl::Milliseconds(4));
  absl::Notification cut;
  TransferWatch::Transfer transfer = watch.Watch([&](Attempt attempt) {
    if (attempt == Attempt::kFirst) cut.Notify();
  });
  transfer.Begin(Direction::kIn);
  cut.WaitForNotification();
}

TEST(TransferWatchWithoutTimeoutTest, WatchesNothing) {
  TransferWatch watch(absl::InfiniteDuration());
  int cuts = 0;
  TransferWatch::Transfer transfer = watch.Watch([&](Attempt) { ++cuts; });
  transfer.Begin(Direction::kIn);
  for (int i = 0; i < 10; ++i) watch.Sweep();
  EXPECT_EQ(cuts, 0);
}

}  // namespace
}  // namespace lossd
