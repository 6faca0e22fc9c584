// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What messages are foreseen to need before they are read.

#include "server/connections/foresight.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;

constexpr int64_t kMb = 1 << 20;

TEST(RecentNeedsTest, KnowsTheSmallestAndTheLargestOfTheLastFew) {
  RecentNeeds needs;
  EXPECT_EQ(needs.smallest(), 0);
  EXPECT_EQ(needs.largest(), 0);
  needs.Add(10);
  EXPECT_EQ(needs.smallest(), 10);
  needs.Add(500);
  EXPECT_EQ(needs.smallest(), 10);
  EXPECT_EQ(needs.largest(), 500);
  for (int i = 0; i < 8; ++i) needs.Add(70);
  EXPECT_EQ(needs.smallest(), 70);
  EXPECT_EQ(needs.largest(), 70);
}

TEST(ForesightTest, MessageForWhichThereIsNoRoomIsRefusedUnreadButForOneNowAndThen) {
  Admission admission(100, 1000);
  Foresight foresight(admission, 50);
  RecentNeeds connection;
  const absl::Time now = absl::UnixEpoch();
  foresight.Note(connection, 60);
  auto first = foresight.ReserveUnread(connection, true, now);
  ASSERT_OK(first.status());
  EXPECT_EQ(first->bytes(), 60);
  auto doubted = foresight.ReserveUnread(connection, true, now);
  ASSERT_OK(doubted.status());
  EXPECT_EQ(doubted->bytes(), 0);
  const absl::Time soon = now + Foresight::kDoubtPeriod - absl::Nanoseconds(1);
  EXPECT_THAT(foresight.ReserveUnread(connection, true, soon), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_OK(foresight.ReserveUnread(connection, true, now + Foresight::kDoubtPeriod));
}

// Two callers fill the budget with large messages as soon as they may; small calls find room all the same.
TEST(ForesightTest, LargeMessagesLeaveRoomForSmallOnesAlsoWhereTheirNeedIsForeseen) {
  Admission admission(64 * kMb, 1000);
  Foresight foresight(admission, 16 * kMb);
  RecentNeeds large;
  RecentNeeds small;
  foresight.Note(large, 32 * kMb);
  foresight.Note(small, 1000);
  ASSERT_OK_AND_ASSIGN(const Reservation first, foresight.ReserveUnread(large, true, absl::UnixEpoch()));
  ASSERT_OK_AND_ASSIGN(const Reservation doubted, foresight.ReserveUnread(large, true, absl::UnixEpoch()));
  EXPECT_EQ(first.bytes(), 32 * kMb);
  EXPECT_EQ(doubted.bytes(), 0);
  EXPECT_OK(foresight.ReserveUnread(small, true, absl::UnixEpoch()));
}

// One that needs all of it comes in while nobody else is there.
TEST(ForesightTest, NoMoreIsForeseenThanAMessageMayHave) {
  Admission admission(64 * kMb, 1000);
  Foresight foresight(admission, 16 * kMb);
  RecentNeeds needs;
  foresight.Note(needs, 64 * kMb);
  EXPECT_EQ(foresight.LikelyNeed(needs), foresight.most());
  EXPECT_EQ(foresight.ReserveUnread(needs, true, absl::UnixEpoch())->bytes(), foresight.most());
  Admission narrow(16 * kMb, 1000);
  EXPECT_EQ(Foresight(narrow, 16 * kMb).most(), 16 * kMb) << "a message of the largest size fits";
}

TEST(ForesightTest, ConnectionThatIsNewIsTakenToBeLikeTheOthersAndOneThatIsNotLikeItself) {
  Admission admission(1000, 1000);
  Foresight foresight(admission, 50);
  RecentNeeds first;
  RecentNeeds second;
  EXPECT_EQ(foresight.ReserveUnread(second, true, absl::UnixEpoch())->bytes(), 0);
  foresight.Note(first, 70);
  EXPECT_EQ(foresight.ReserveUnread(second, true, absl::UnixEpoch())->bytes(), 70);
  foresight.Note(second, 10);
  EXPECT_EQ(foresight.ReserveUnread(second, true, absl::UnixEpoch())->bytes(), 10);
  EXPECT_EQ(foresight.LikelyNeed(first), 70);
}

}  // namespace
}  // namespace lossd
