// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/scheduling/admission.h"

#include <atomic>
#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include "core/status/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::SimulatedClock;
using ::lossd::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(AdmissionTest, CountsWhatIsReservedUntilItIsReleased) {
  Admission admission(100, 2);
  {
    ASSERT_OK_AND_ASSIGN(const Reservation first, admission.Reserve(60));
    ASSERT_OK_AND_ASSIGN(const Reservation second, admission.Reserve(40));
    EXPECT_EQ(admission.inflight_bytes(), 100);
    EXPECT_EQ(admission.calls(), 2);
  }
  EXPECT_EQ(admission.inflight_bytes(), 0);
  EXPECT_EQ(admission.calls(), 0);
}

TEST(AdmissionTest, RefusesBytesOverTheLimitAndAdvisesToRetry) {
  Admission admission(100, 10);
  ASSERT_OK_AND_ASSIGN(const Reservation held, admission.Reserve(60));
  const absl::Status refused = admission.Reserve(41).status();
  EXPECT_THAT(refused,
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr("100"), HasSubstr("60"), HasSubstr("41"), HasSubstr("--max_inflight_bytes"))));
  ASSERT_TRUE(GetLimitViolation(refused).has_value());
  EXPECT_EQ(GetLimitViolation(refused)->reason, RejectReason::kInflightBytes);
  EXPECT_EQ(GetLimitViolation(refused)->retry_delay, Admission::kRetryDelay);
  EXPECT_EQ(admission.calls(), 1);
  EXPECT_OK(admission.Reserve(40));
}

TEST(AdmissionTest, DoesNotAdviseToRetryWhatCanNeverFit) {
  Admission admission(100, 10);
  const absl::Status refused = admission.Reserve(101).status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted, AllOf(HasSubstr("100"), HasSubstr("101"))));
  EXPECT_EQ(GetLimitViolation(refused)->retry_delay, std::nullopt);
}

TEST(AdmissionTest, RefusesCallsOverTheLimit) {
  Admission admission(100, 1);
  ASSERT_OK_AND_ASSIGN(const Reservation held, admission.Reserve(0));
  const absl::Status refused = admission.Reserve(0).status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted,
                                HasSubstr("at most 1, in use 1 (--max_concurrent_calls)")));
  EXPECT_EQ(GetLimitViolation(refused)->reason, RejectReason::kConcurrency);
  EXPECT_EQ(GetLimitViolation(refused)->retry_delay, Admission::kRetryDelay);
}

TEST(AdmissionTest, ThoseWhoFindNoRoomForBytesStandInLine) {
  SimulatedClock clock;
  Admission admission(100, 100, clock);
  std::deque<Reservation> held;
  const auto refill = [&] {
    while (held.size() < 10) held.push_back(*admission.Reserve(10));
  };
  const auto delay = [&] { return *GetLimitViolation(admission.Reserve(10).status())->retry_delay; };
  const auto turn_over = [&](int calls, absl::Duration each) {
    for (int i = 0; i < calls; ++i) {
      refill();
      clock.AdvanceTime(each);
      held.pop_front();
    }
    refill();
  };
  refill();
  EXPECT_EQ(delay(), Admission::kRetryDelay);
  turn_over(20, absl::Milliseconds(500));
  for (const int place : {1, 2, 3}) EXPECT_EQ(delay(), place * Admission::kHaste * absl::Milliseconds(500));
  clock.AdvanceTime(absl::Milliseconds(400));
  EXPECT_EQ(delay(), 3 * Admission::kHaste * absl::Milliseconds(500)) << "the line has moved on by one";
  for (int i = 0; i < 40; ++i) {
    EXPECT_FALSE(admission.ReserveBytes(10).ok());
    EXPECT_FALSE(admission.TryReserve(/*call=*/true, 10, 0).has_value());
  }
  EXPECT_EQ(delay(), 4 * Admission::kHaste * absl::Milliseconds(500)) << "those wait by themselves";
  for (int i = 0; i < 40; ++i) EXPECT_LE(delay(), Admission::kLongestRetryDelay);
  EXPECT_EQ(delay(), Admission::kLongestRetryDelay);
  clock.AdvanceTime(2 * Admission::kLongestRetryDelay);
  EXPECT_EQ(delay(), Admission::kHaste * absl::Milliseconds(500)) << "all have come, or never will";
  clock.AdvanceTime(2 * Admission::kLongestRetryDelay);
  turn_over(20, absl::Milliseconds(1));
  EXPECT_EQ(delay(), Admission::kRetryDelay);
  held.clear();  // Nobody is there: what was learnt is of another time.
  refill();
  EXPECT_EQ(delay(), Admission::kRetryDelay);
}

TEST(AdmissionTest, NeverOverflows) {
  Admission admission(INT64_MAX, 10);
  ASSERT_OK_AND_ASSIGN(const Reservation held, admission.Reserve(INT64_MAX));
  EXPECT_THAT(admission.Reserve(INT64_MAX), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(AdmissionTest, BytesThatAreNoCallsCountAsBytesAlone) {
  Admission admission(100, 1);
  ASSERT_OK_AND_ASSIGN(const Reservation call, admission.Reserve(0));
  ASSERT_OK_AND_ASSIGN(Reservation bytes, admission.ReserveBytes(60));
  EXPECT_EQ(admission.calls(), 1);
  EXPECT_EQ(admission.inflight_bytes(), 60);
  EXPECT_THAT(admission.ReserveBytes(41), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(ReservationTest, BecomesACallOnceIfThereIsAPlace) {
  Admission admission(100, 1);
  ASSERT_OK_AND_ASSIGN(Reservation first, admission.ReserveBytes(1));
  ASSERT_OK_AND_ASSIGN(Reservation second, admission.ReserveBytes(1));
  EXPECT_OK(first.BecomeCall());
  EXPECT_OK(first.BecomeCall());
  EXPECT_EQ(admission.calls(), 1);
  EXPECT_THAT(second.BecomeCall(), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("--max_concurrent_calls")));
  first.Release();
  EXPECT_OK(second.BecomeCall());
}

TEST(ReservationTest, LeavesOthersWhatItIsToSpare) {
  Admission admission(100, 1);
  ASSERT_OK_AND_ASSIGN(Reservation held, admission.ReserveBytes(10));
  EXPECT_THAT(held.ResizeSparing(91, 10), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_OK(held.ResizeSparing(90, 10));
  EXPECT_EQ(admission.inflight_bytes(), 90);
  EXPECT_OK(held.Resize(100));
}

TEST(ReservationTest, RemembersTheMostThatWasAskedFor) {
  Admission admission(100, 1);
  ASSERT_OK_AND_ASSIGN(Reservation held, admission.Reserve(10));
  ASSERT_OK_AND_ASSIGN(const Reservation other, admission.ReserveBytes(30));
  EXPECT_OK(held.Resize(50));
  EXPECT_FALSE(held.Resize(90).ok());
  EXPECT_FALSE(held.Resize(101).ok());  // Nobody could have that.
  EXPECT_OK(held.Resize(20));
  const Reservation moved = std::move(held);
  EXPECT_EQ(moved.wanted(), 90);
  EXPECT_EQ(moved.bytes(), 20);
}

TEST(ReservationTest, GrowsAndShrinksWithinTheLimit) {
  Admission admission(100, 1);
  ASSERT_OK_AND_ASSIGN(Reservation held, admission.Reserve(10));
  EXPECT_OK(held.Resize(100));
  EXPECT_EQ(admission.inflight_bytes(), 100);
  EXPECT_OK(held.Resize(30));
  EXPECT_EQ(admission.inflight_bytes(), 30);
  EXPECT_EQ(held.bytes(), 30);
  EXPECT_EQ(admission.calls(), 1);
}

TEST(ReservationTest, IsWantedAsFarAsItIsKnownToBeNeeded) {
  Admission admission(100, 2);
  ASSERT_OK_AND_ASSIGN(Reservation held, admission.Reserve(50));
  EXPECT_EQ(held.wanted(), 0) << "foreseen";
  EXPECT_OK(held.ResizeSparing(80, 0));
  EXPECT_EQ(held.wanted(), 0) << "guessed";
  EXPECT_OK(held.Resize(30));
  EXPECT_OK(held.Resize(20));
  EXPECT_EQ(held.wanted(), 30);
  ASSERT_OK_AND_ASSIGN(const Reservation other, admission.Reserve(60));
  EXPECT_FALSE(held.Resize(70).ok());
  EXPECT_EQ(held.wanted(), 70) << "in vain";
}

TEST(ReservationTest, OnesThatCanNeverLeaveWhatIsKeptForOthersAreToldSo) {
  Admission admission(100, 2);
  ASSERT_OK_AND_ASSIGN(Reservation held, admission.Reserve(10));
  const absl::Status refused = held.ResizeSparing(95, 6);
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("alone needs 95, and 6 are kept")));
  EXPECT_EQ(GetLimitViolation(refused)->retry_delay, std::nullopt);
  EXPECT_OK(held.ResizeSparing(94, 6));
}

TEST(AdmissionTest, TriesLeaveWhatIsKeptForOthers) {
  Admission admission(100, 1);
  EXPECT_FALSE(admission.TryReserve(/*call=*/true, 95, 6).has_value());
  const auto held = admission.TryReserve(/*call=*/true, 94, 6);
  ASSERT_TRUE(held.has_value());
  EXPECT_EQ(admission.inflight_bytes(), 94);
  EXPECT_EQ(admission.calls(), 1);
  EXPECT_FALSE(admission.TryReserve(/*call=*/true, 0, 0).has_value());
  EXPECT_TRUE(admission.TryReserve(/*call=*/false, 6, 0).has_value());
}

TEST(ReservationTest, IsUnchangedWhereItCannotGrow) {
  Admission admission(100, 2);
  ASSERT_OK_AND_ASSIGN(Reservation held, admission.Reserve(10));
  ASSERT_OK_AND_ASSIGN(const Reservation other, admission.Reserve(60));
  const absl::Status for_now = held.Resize(41);
  EXPECT_THAT(for_now, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("needs 31 more")));
  EXPECT_EQ(GetLimitViolation(for_now)->retry_delay, Admission::kRetryDelay);
  const absl::Status for_ever = held.Resize(101);
  EXPECT_EQ(GetLimitViolation(for_ever)->retry_delay, std::nullopt);
  EXPECT_EQ(held.bytes(), 10);
  EXPECT_EQ(admission.inflight_bytes(), 70);
}

TEST(ReservationTest, MovesWithoutCountingTwice) {
  Admission admission(100, 3);
  ASSERT_OK_AND_ASSIGN(Reservation first, admission.Reserve(10));
  Reservation second = std::move(first);
  EXPECT_EQ(admission.inflight_bytes(), 10);
  ASSERT_OK_AND_ASSIGN(Reservation third, admission.Reserve(20));
  third = std::move(second);
  EXPECT_EQ(admission.inflight_bytes(), 10);
  EXPECT_EQ(admission.calls(), 1);
  third.Release();
  third.Release();
  EXPECT_EQ(admission.inflight_bytes(), 0);
  EXPECT_EQ(admission.calls(), 0);
}

TEST(AdmissionTest, KeepsTheLimitsUnderManyThreads) {
  constexpr int kThreads = 4;
  Admission admission(1000, kThreads - 1);
  std::atomic<int64_t> bytes = 0, calls = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 5000; ++i) {
        absl::StatusOr<Reservation> held = admission.Reserve(100 + 100 * thread);
        if (!held.ok()) continue;
        EXPECT_LE(calls.fetch_add(1) + 1, kThreads - 1);
        EXPECT_LE(bytes.fetch_add(held->bytes()) + held->bytes(), 1000);
        bytes.fetch_sub(held->bytes());
        calls.fetch_sub(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(admission.inflight_bytes(), 0);
  EXPECT_EQ(admission.calls(), 0);
}

}  // namespace
}  // namespace lossd
