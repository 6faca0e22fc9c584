// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/scheduling/backlog.h"

#include <algorithm>
#include <deque>
#include <random>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "core/scheduling/batch_queue.h"
#include "core/status/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr absl::Duration kPace = absl::Milliseconds(5);
constexpr int64_t kBusy = 4;
constexpr int kEnough = 40;  // Answers that make a pace known.

class BacklogTest : public ::testing::Test {
 protected:
  absl::Time In(absl::Duration duration) const { return now_ + duration; }
  void EnterSome(int calls, absl::Time deadline) {
    for (int i = 0; i < calls; ++i) inside_.push_back(backlog_.Enter(deadline, now_, now_));
  }
  void LeaveFirst(Backlog::Outcome outcome = Backlog::Outcome::kInTime) {
    backlog_.Leave(inside_.front(), outcome, now_);
    inside_.pop_front();
  }
  // So many answers at `pace`, each followed by a new call.
  void ServeSteadily(int answers, absl::Duration pace, absl::Duration left) {
    for (int i = 0; i < answers; ++i) {
      now_ += pace;
      LeaveFirst();
      EnterSome(1, In(left));
    }
  }
  void ServeSteadily(int answers) { ServeSteadily(answers, kPace, absl::ZeroDuration()); }
  // Whether a call is let in with just as much time as bears this wait, and refused with less.
  bool WaitIs(absl::Duration wait, const Backlog::Shares& shares = Backlog::kShares) const {
    constexpr absl::Duration kLittle = absl::Microseconds(1);
    const absl::Duration time = wait / shares.before_reading;
    return backlog_.CheckBeforeReading(In(time + kLittle), now_).ok() &&
           !backlog_.CheckBeforeReading(In(time - kLittle), now_).ok();
  }
  bool NobodyIsRefused() const { return backlog_.CheckBeforeReading(In(absl::Nanoseconds(1)), now_).ok(); }

  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  Backlog backlog_{{.busy_calls = kBusy}};
  std::deque<Backlog::Place> inside_;
};

// Half of all clients leave before their answer. Whoever comes is behind as many that leave as that are answered: what
// counts is how soon one of either makes room.
TEST_F(BacklogTest, ThoseWhoseClientsLeaveMakeRoomAsThoseThatAreAnswered) {
  EnterSome(20, In(absl::ZeroDuration()));
  for (int i = 0; i < 2 * kEnough; ++i) {
    now_ += kPace;
    LeaveFirst(i % 2 == 0 ? Backlog::Outcome::kInTime : Backlog::Outcome::kCancelled);
    EnterSome(1, In(absl::ZeroDuration()));
  }
  EXPECT_TRUE(WaitIs(20 * kPace));
}

TEST_F(BacklogTest, WaitIsThatOfTheCallsAheadAtThePaceOfTheAnswersBefore) {
  EnterSome(20, now_);
  ServeSteadily(kEnough);
  EXPECT_TRUE(WaitIs(20 * kPace));
  EnterSome(10, now_);
  EXPECT_TRUE(WaitIs(30 * kPace));
}

// Messages that take a second to come: what counts is when they were whole, not when they were asked for.
TEST_F(BacklogTest, PaceIsLearntAlsoOfCallsWhoseMessagesCameSlowly) {
  std::deque<Backlog::Place> reading;
  for (int i = 0; i < 8; ++i) reading.push_back(backlog_.BeginReading(now_));
  EnterSome(kBusy - 1, now_);
  for (int i = 0; i < kEnough; ++i) {
    now_ += kPace;
    LeaveFirst();
    backlog_.EndReading(reading.front());
    reading.pop_front();
    reading.push_back(backlog_.BeginReading(now_));
    inside_.push_back(backlog_.Enter(now_, now_ - absl::Seconds(1), now_));
  }
  for (const Backlog::Place place : reading) backlog_.EndReading(place);
  EnterSome(20, now_);
  EXPECT_TRUE(WaitIs((kBusy - 1 + 20) * kPace));
}

TEST_F(BacklogTest, NothingIsKnownBeforeEnoughAnswers) {
  EnterSome(20, now_);
  ServeSteadily(Backlog::kAnswersOfWindow - 1);
  EXPECT_TRUE(NobodyIsRefused());
}

TEST_F(BacklogTest, NobodyWaitsWhereNotAllWorkersAreBusy) {
  EnterSome(20, now_);
  ServeSteadily(kEnough);
  EXPECT_FALSE(NobodyIsRefused());
  while (inside_.size() >= kBusy) LeaveFirst();
  EXPECT_TRUE(NobodyIsRefused());
}

TEST_F(BacklogTest, TimeWithFewCallsSaysNothingOfThePace) {
  EnterSome(20, now_);
  ServeSteadily(kEnough);
  while (!inside_.empty()) LeaveFirst(Backlog::Outcome::kDropped);
  now_ += absl::Hours(1);
  EnterSome(20, now_);
  EXPECT_TRUE(WaitIs(20 * kPace));
  ServeSteadily(kEnough);
  EXPECT_TRUE(WaitIs(20 * kPace));
}

TEST_F(BacklogTest, CallsThatWereNotServedSayNothingOfThePace) {
  EnterSome(200, now_);
  ServeSteadily(kEnough);
  for (int i = 0; i < 100; ++i) LeaveFirst(Backlog::Outcome::kDropped);
  ServeSteadily(kEnough);
  EXPECT_TRUE(WaitIs(100 * kPace));
}

TEST_F(BacklogTest, PaceFollowsTheServer) {
  EnterSome(20, now_);
  ServeSteadily(kEnough);
  ServeSteadily(400, kPace / 5, absl::ZeroDuration());
  EXPECT_TRUE(backlog_.CheckBeforeReading(In(20 * kPace / 5 / 0.8 * 1.05), now_).ok());
  ServeSteadily(400, kPace, absl::ZeroDuration());
  EXPECT_FALSE(backlog_.CheckBeforeReading(In(20 * kPace / 0.8 * 0.95), now_).ok());
}

TEST_F(BacklogTest, PaceIsLearntAlsoFromManyShortBusyTimes) {
  constexpr absl::Duration kHeavy = absl::Seconds(2);
  constexpr absl::Duration kLight = absl::Milliseconds(1);
  EnterSome(20, now_);
  ServeSteadily(kEnough, kHeavy, absl::ZeroDuration());
  while (!inside_.empty()) LeaveFirst(Backlog::Outcome::kDropped);
  const auto bears = [this] { return backlog_.CheckBeforeReading(In(absl::Milliseconds(200)), now_).ok(); };
  const auto burst = [&] {
    int refused = 0;
    for (int i = 0; i < 16; ++i) {
      if (bears()) {
        EnterSome(1, In(absl::Milliseconds(200)));
      } else {
        ++refused;
      }
    }
    while (!inside_.empty()) {
      now_ += kLight;
      LeaveFirst();
    }
    now_ += absl::Milliseconds(10);
    return refused;
  };
  EXPECT_GT(burst(), 0);
  for (int i = 0; i < 1'000; ++i) burst();
  EXPECT_EQ(burst(), 0);
}

TEST_F(BacklogTest, CallThatWouldWaitForMoreThanItsShareIsRefusedAndToldWhenToComeBack) {
  EnterSome(20, now_);
  ServeSteadily(kEnough);
  EXPECT_OK(backlog_.CheckBeforeReading(absl::InfiniteFuture(), now_));
  EXPECT_OK(backlog_.CheckAfterReading(absl::InfiniteFuture(), now_));
  EXPECT_OK(backlog_.CheckAfterReading(In(absl::Milliseconds(110)), now_));
  EXPECT_FALSE(backlog_.CheckAfterReading(In(absl::Milliseconds(104)), now_).ok());
  const absl::Status refused = backlog_.CheckBeforeReading(In(absl::Milliseconds(100)), now_);
  EXPECT_THAT(refused,
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr("at most 80ms"), HasSubstr("deadline in 100ms"), HasSubstr("about 100ms"))));
  const auto violation = GetLimitViolation(refused);
  ASSERT_TRUE(violation.has_value());
  EXPECT_EQ(violation->reason, RejectReason::kQueue);
  EXPECT_EQ(violation->retry_delay, absl::Milliseconds(20));
}

TEST_F(BacklogTest, OnceACallWasLateWaitsAreKeptShorterForAWhile) {
  EnterSome(22, now_);
  ServeSteadily(kEnough);
  for (const Backlog::Outcome late : {Backlog::Outcome::kTooLate, Backlog::Outcome::kExpired}) {
    LeaveFirst(late);
    const absl::Duration wait = static_cast<int>(inside_.size()) * kPace;
    EXPECT_TRUE(WaitIs(wait, Backlog::kSharesAfterLate));
    EXPECT_OK(backlog_.CheckAfterReading(In(wait / 0.75 * 1.01), now_));
    EXPECT_FALSE(backlog_.CheckAfterReading(In(wait / 0.75 * 0.99), now_).ok());
    now_ += Backlog::kCareful;
    EXPECT_TRUE(WaitIs(wait));
  }
}

TEST_F(BacklogTest, LateCallOfAServerThatIsNotBusyIsNotItsFault) {
  EnterSome(kBusy - 1, now_);
  LeaveFirst(Backlog::Outcome::kExpired);
  EnterSome(20, now_);
  ServeSteadily(kEnough);
  EXPECT_TRUE(WaitIs(static_cast<int>(inside_.size()) * kPace));
}

TEST_F(BacklogTest, CallsThatAreLessUrgentAreNotAhead) {
  EnterSome(200, absl::InfiniteFuture());
  ServeSteadily(kEnough, kPace, absl::InfiniteDuration());
  EXPECT_TRUE(NobodyIsRefused());
  now_ += BatchQueue::kPatience;  // Now they are due, like whatever has waited so long.
  EXPECT_TRUE(WaitIs(200 * kPace));
}

TEST_F(BacklogTest, MessagesOnTheirWayAreAheadOfThoseThatAreNotReadYet) {
  EnterSome(20, now_);
  ServeSteadily(kEnough);
  std::vector<Backlog::Place> reading;
  for (int i = 0; i < 10; ++i) reading.push_back(backlog_.BeginReading(now_));
  EXPECT_TRUE(WaitIs(30 * kPace));
  EXPECT_OK(backlog_.CheckAfterReading(In(absl::Milliseconds(140)), now_));
  for (const Backlog::Place place : reading) backlog_.EndReading(place);
  EXPECT_TRUE(WaitIs(20 * kPace));
}

TEST_F(BacklogTest, ServerWhoseTimeGoesIntoReadingIsBusy) {
  std::deque<Backlog::Place> reading;
  for (int i = 0; i < 20; ++i) reading.push_back(backlog_.BeginReading(now_));
  for (int i = 0; i < kEnough; ++i) {
    now_ += kPace;
    backlog_.EndReading(reading.front());
    reading.pop_front();
    EnterSome(1, now_);
    LeaveFirst();
    reading.push_back(backlog_.BeginReading(now_));
  }
  EXPECT_TRUE(WaitIs(20 * kPace));
}

TEST_F(BacklogTest, SlowClientsHoldUpNoOther) {
  EnterSome(20, now_);
  ServeSteadily(kEnough);
  for (int i = 0; i < 1'000; ++i) backlog_.BeginReading(now_);
  EXPECT_FALSE(backlog_.CheckBeforeReading(In(absl::Milliseconds(300)), now_).ok());
  ServeSteadily(80);  // 400 ms later, whoever is still reading is slow.
  EXPECT_OK(backlog_.CheckBeforeReading(In(absl::Milliseconds(300)), now_));
  while (!inside_.empty()) LeaveFirst();
  now_ += Backlog::kLongestReading;
  EXPECT_TRUE(NobodyIsRefused());
}

TEST_F(BacklogTest, WaitingForCompanyIsNoSignOfAFullServer) {
  Backlog gathering({.busy_calls = kBusy, .max_queue_delay = absl::Milliseconds(60)});
  for (int i = 0; i < 60; ++i) {
    if (i >= 20) {
      now_ += kPace;
      gathering.Leave(inside_.front(), Backlog::Outcome::kInTime, now_);
      inside_.pop_front();
    }
    inside_.push_back(gathering.Enter(now_, now_, now_));
  }
  // 20 calls, 100 ms, are ahead.
  EXPECT_OK(gathering.CheckBeforeReading(In(absl::Milliseconds(112)), now_));          // Of 56, then 0.8 of 56.
  EXPECT_FALSE(gathering.CheckBeforeReading(In(absl::Milliseconds(110)), now_).ok());  // Of 55, then 0.8 of 55.
}

// What the ring of counts must be equal to.
TEST_F(BacklogTest, CallsAheadAreThoseWhoseUrgencyIsNotLater) {
  const auto step = [](absl::Time urgency) { return absl::ToUnixMillis(urgency) / 10; };
  std::mt19937 random(1);
  const auto draw = [&random](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  EnterSome(20, now_);
  ServeSteadily(kEnough);
  while (!inside_.empty()) LeaveFirst(Backlog::Outcome::kDropped);
  std::deque<std::pair<Backlog::Place, absl::Time>> calls;
  for (int i = 0; i < 5'000; ++i) {
    now_ += absl::Milliseconds(draw(0, 20));
    const absl::Time deadline = draw(0, 9) == 0 ? absl::InfiniteFuture() : In(absl::Milliseconds(draw(-10, 2'000)));
    const auto urgency = [this](absl::Time due) { return std::clamp(due, now_, now_ + BatchQueue::kPatience); };
    calls.emplace_back(backlog_.Enter(deadline, now_, now_), urgency(deadline));
    while (calls.size() > 100) {
      const auto leaving = calls.begin() + draw(0, 20);
      backlog_.Leave(leaving->first, Backlog::Outcome::kDropped, now_);
      calls.erase(leaving);
    }
    if (calls.size() < kBusy) continue;
    const absl::Time mine = In(absl::Milliseconds(draw(0, 1'500)) + absl::Microseconds(1));
    int ahead = 0;
    for (const auto& [place, due] : calls) ahead += step(due) <= step(urgency(mine)) ? 1 : 0;
    ASSERT_EQ(backlog_.CheckBeforeReading(mine, now_).ok(),
              ahead * kPace <= (mine - now_) * Backlog::kShares.before_reading)
        << i;
  }
}

// A server that takes `pace` a call, most urgent first, and drops what expires, under three times the calls that it can
// serve. Which share of its pace is answered in time?
double GoodputOfOverload(absl::Duration pace, bool checks) {
  constexpr absl::Duration kDeadline = absl::Milliseconds(200);
  constexpr int kCalls = 3'000;
  Backlog backlog({.busy_calls = 2});
  const absl::Time start = absl::FromUnixSeconds(1);
  absl::btree_multimap<absl::Time, Backlog::Place> waiting;
  absl::Time free_at = start;
  int in_time = 0;
  const auto serve_until = [&](absl::Time now) {
    while (!waiting.empty() && free_at < now) {
      const auto [deadline, place] = *waiting.begin();
      waiting.erase(waiting.begin());
      auto outcome = Backlog::Outcome::kExpired;
      if (deadline > free_at) {
        free_at += pace;
        outcome = free_at <= deadline ? Backlog::Outcome::kInTime : Backlog::Outcome::kTooLate;
      }
      backlog.Leave(place, outcome, free_at);
      if (outcome == Backlog::Outcome::kInTime) ++in_time;
    }
    free_at = std::max(free_at, now);
  };
  absl::Time now = start;
  for (int i = 0; i < kCalls; ++i) {
    now += pace / 3;
    serve_until(now);
    const absl::Time deadline = now + kDeadline;
    if (checks && !backlog.CheckBeforeReading(deadline, now).ok()) continue;
    waiting.emplace(deadline, backlog.Enter(deadline, now, now));
  }
  return in_time / absl::FDivDuration(now - start, pace);
}

TEST(BacklogOverloadTest, ServerThatRefusesWhatWouldWaitInVainGoesOnAtItsPace) {
  // Of the slowest, fewer calls than make a pace known are in time before all are late.
  for (const absl::Duration pace : {absl::Milliseconds(1), absl::Milliseconds(5), absl::Milliseconds(40)}) {
    EXPECT_LT(GoodputOfOverload(pace, /*checks=*/false), 0.5) << pace;
    EXPECT_GT(GoodputOfOverload(pace, /*checks=*/true), 0.95) << pace;
  }
}

}  // namespace
}  // namespace lossd::testing
