// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/incoming_messages.h"

#include <algorithm>
#include <list>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/status/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kKb = 1 << 10;
constexpr int64_t kMb = 1 << 20;
constexpr int64_t kFree = IncomingMessages::kFreeBytes;

class FakeReader final : public MessageReader {
 public:
  void OnMessageRefused(int64_t message, absl::Status status) override {
    refused.push_back(message);
    refusals.push_back(std::move(status));
  }

  std::vector<int64_t> refused;  // Their numbers.
  std::vector<absl::Status> refusals;
};

// A connection, and a budget of 100 MB.
class IncomingMessagesTest : public ::testing::Test {
 protected:
  IncomingMessages::Place Begin(const std::shared_ptr<FakeReader>& reader, bool may_idle = false,
                                int64_t max_bytes = 50 * kMb, int64_t foreseen = 0, int64_t early = 0) {
    return messages_.Begin(arrived_, {max_bytes, may_idle, foreseen}, *admission_.ReserveBytes(0), {reader, ++begun_},
                           early);
  }
  // `bytes` more have arrived: what the thread that watches does then.
  void Arrive(int64_t bytes) {
    arrived_ += bytes;
    if (arrived_ < messages_.WakeAt()) return;
    for (auto& notice : messages_.Assign(arrived_)) {
      notice.message.Refuse(std::move(notice.refusal));
    }
  }
  Reservation End(IncomingMessages::Place place, int64_t bytes) { return messages_.End(arrived_, place, bytes); }

  Admission admission_{100 * kMb, 1'000'000};
  IncomingMessages messages_;
  int64_t arrived_ = 0;
  int64_t begun_ = 0;
  const std::shared_ptr<FakeReader> reader_ = std::make_shared<FakeReader>();
};

TEST_F(IncomingMessagesTest, SmallMessageCostsNothingUntilItHasCome) {
  const auto place = Begin(reader_);
  Arrive(kFree);
  EXPECT_EQ(admission_.inflight_bytes(), 0);
  EXPECT_FALSE(End(place, kFree - 100).empty());
}

TEST_F(IncomingMessagesTest, WhatHasArrivedOfALargeOneIsReserved) {
  const auto place = Begin(reader_);
  for (int i = 0; i < 40; ++i) {
    Arrive(kMb);
    EXPECT_GE(admission_.inflight_bytes(), (i + 1) * kMb - kFree);
  }
  EXPECT_LE(admission_.inflight_bytes(), 51 * kMb);
  const Reservation reservation = End(place, 40 * kMb);
  EXPECT_EQ(reservation.bytes(), admission_.inflight_bytes());
  EXPECT_THAT(reader_->refusals, IsEmpty());
}

TEST_F(IncomingMessagesTest, OneThatIsForeseenToNeedMoreHasAllOfItAtOnce) {
  Begin(reader_, false, 50 * kMb, 80 * kMb);
  Arrive(2 * kFree);
  EXPECT_EQ(admission_.inflight_bytes(), 80 * kMb);
}

TEST_F(IncomingMessagesTest, LargerOneThanAllowedIsRefusedWhileItArrives) {
  Begin(reader_, false, 10 * kMb);
  Arrive(10 * kMb);
  EXPECT_THAT(reader_->refusals, IsEmpty());
  Arrive(kMb);
  EXPECT_THAT(reader_->refusals, ElementsAre(StatusIs(absl::StatusCode::kResourceExhausted,
                                                      HasSubstr("at most 10485760 bytes, got more"))));
  EXPECT_EQ(GetLimitViolation(reader_->refusals[0])->reason, RejectReason::kMessageBytes);
  Arrive(kMb);  // Until the client has heard of it.
  EXPECT_THAT(reader_->refusals, SizeIs(1));
}

TEST_F(IncomingMessagesTest, OneThatOutgrowsTheBudgetIsRefusedWithAdviceToRetry) {
  const auto others = admission_.Reserve(95 * kMb);
  const auto place = Begin(reader_);
  Arrive(2 * kMb);
  ASSERT_THAT(reader_->refusals, SizeIs(1));
  EXPECT_EQ(GetLimitViolation(reader_->refusals[0])->reason, RejectReason::kInflightBytes);
  EXPECT_TRUE(GetLimitViolation(reader_->refusals[0])->retry_delay.has_value());
  EXPECT_THAT(reader_->refused, ElementsAre(1));
  End(place, -1).Release();
  EXPECT_EQ(admission_.inflight_bytes(), 95 * kMb);
}

TEST_F(IncomingMessagesTest, SeveralAreTakenToHaveBroughtTheSameAndThoseThatMayIdleNothing) {
  const auto idle = std::make_shared<FakeReader>();
  const auto first = Begin(reader_, false, 10 * kMb);
  Begin(reader_, false, 10 * kMb);
  const auto stream = Begin(idle, true, 10 * kMb);
  for (int i = 0; i < 100; ++i) Arrive(kFree);
  EXPECT_TRUE(messages_.IsQuiet(arrived_, 0));
  EXPECT_GE(first->reservation.bytes(), 3 * kMb);
  EXPECT_EQ(stream->reservation.bytes(), 0);
  for (int i = 0; i < 300; ++i) Arrive(kFree);  // More than the two may have.
  EXPECT_FALSE(messages_.IsQuiet(arrived_, 0));
  EXPECT_THAT(idle->refusals, IsEmpty());
}

TEST_F(IncomingMessagesTest, WaitingOneBeginsWithItsBytesAndNotWithThoseOfOthers) {
  const auto stream = std::make_shared<FakeReader>();
  const auto idle = Begin(stream, true);
  for (int i = 0; i < 1000; ++i) {  // Calls beside it.
    const auto call = Begin(reader_);
    Arrive(100 * kKb);
    EXPECT_TRUE(messages_.IsQuiet(arrived_, 0));
    End(call, 100 * kKb).Release();
  }
  EXPECT_TRUE(messages_.IsQuiet(arrived_, 0));
  Arrive(5);
  EXPECT_FALSE(messages_.IsQuiet(arrived_, 0));
  EXPECT_TRUE(messages_.IsQuiet(arrived_, kKb));
  Arrive(kMb);
  End(idle, kMb).Release();
  EXPECT_EQ(admission_.inflight_bytes(), 0);
}

TEST_F(IncomingMessagesTest, OneThatMayIdleHasBegunWithWhatCameBeforeItWasAskedFor) {
  Arrive(300);  // Of a call that has gone; then the stream is opened, and brings
  Arrive(200);
  Begin(std::make_shared<FakeReader>(), true, 50 * kMb, 0, /*early=*/200);
  EXPECT_FALSE(messages_.IsQuiet(arrived_, 199));
  EXPECT_TRUE(messages_.IsQuiet(arrived_, 200));
}

TEST_F(IncomingMessagesTest, WhatNobodyAskedForIsOfNoneThatMayIdle) {
  Begin(std::make_shared<FakeReader>(), true);
  Arrive(10 * kKb);
  messages_.NoteUnwanted();  // A call beside it was refused unread; the rest of its message is on its way.
  EXPECT_TRUE(messages_.IsQuiet(arrived_, 0));
  messages_.TurnUnwanted(arrived_);
  Arrive(50 * kKb);
  EXPECT_TRUE(messages_.IsQuiet(arrived_, 0));
  messages_.TurnUnwanted(arrived_);
  Arrive(1);
  EXPECT_FALSE(messages_.IsQuiet(arrived_, 0)) << "now it begins";
}

TEST_F(IncomingMessagesTest, CallsThatEndUnreadHideNoMoreThanAMegabyte) {
  Begin(std::make_shared<FakeReader>(), true);
  for (int i = 0; i < 1000; ++i) {
    messages_.NoteUnwanted();
    Arrive(kKb);
    messages_.TurnUnwanted(arrived_);
  }
  EXPECT_TRUE(messages_.IsQuiet(arrived_, 0));
  for (int i = 0; i < 1000; ++i) {
    messages_.NoteUnwanted();
    Arrive(kKb);
    messages_.TurnUnwanted(arrived_);
  }
  EXPECT_FALSE(messages_.IsQuiet(arrived_, 0));
}

TEST_F(IncomingMessagesTest, WhatCallsBringBesidesIsExplained) {
  const auto stream = std::make_shared<FakeReader>();
  Begin(stream, true);
  for (int i = 0; i < 1000; ++i) {
    messages_.Explain(arrived_, 512);
    Arrive(500);
  }
  EXPECT_TRUE(messages_.IsQuiet(arrived_, kKb));
}

TEST_F(IncomingMessagesTest, BytesOfOneThatWillNotComeAreForgotten) {
  const auto stream = std::make_shared<FakeReader>();
  Begin(stream, true);
  for (int i = 0; i < 100; ++i) {
    const auto call = Begin(reader_);
    Arrive(10 * kMb);
    End(call, -1).Release();
  }
  EXPECT_TRUE(messages_.IsQuiet(arrived_, 0));
  EXPECT_EQ(admission_.inflight_bytes(), 0);
}

TEST_F(IncomingMessagesTest, OneThatHasNotBegunCanGiveBackWhatIsReservedAndGetsItOnceItComes) {
  const auto stream = std::make_shared<FakeReader>();
  const auto place = messages_.Begin(arrived_, {.max_bytes = 50 * kMb, .may_idle = true, .foreseen = 30 * kMb},
                                     *admission_.ReserveBytes(30 * kMb), {stream});
  Arrive(100);
  messages_.Relax(arrived_, place);
  EXPECT_EQ(admission_.inflight_bytes(), 0);
  Arrive(kFree);
  EXPECT_EQ(admission_.inflight_bytes(), 30 * kMb);
  messages_.Relax(arrived_, place);
  EXPECT_EQ(admission_.inflight_bytes(), 30 * kMb) << "it has begun";
  EXPECT_THAT(stream->refusals, IsEmpty());
  End(place, kMb).Release();
}

TEST_F(IncomingMessagesTest, WhatWasTakenForOnesBytesAndWasAnothersIsGivenBack) {
  const auto stream = std::make_shared<FakeReader>();
  const auto idle = Begin(stream, true, 50 * kMb, 30 * kMb);
  const auto coming = Begin(stream, true, 50 * kMb, 30 * kMb);
  for (int i = 0; i < 64; ++i) Arrive(kFree);  // Taken to be of the first, which waits longer.
  EXPECT_EQ(admission_.inflight_bytes(), 30 * kMb);
  End(coming, 64 * kFree).Release();
  EXPECT_EQ(admission_.inflight_bytes(), 0);
  Arrive(kFree + 1);
  EXPECT_EQ(admission_.inflight_bytes(), 30 * kMb);
  End(idle, kFree + 1).Release();
}

// What was foreseen of one is no more known to be needed for having been guessed beyond.
TEST_F(IncomingMessagesTest, WhatIsLeftOfAGuessIsNotTakenForANeed) {
  const auto idle = messages_.Begin(arrived_, {50 * kMb, /*may_idle=*/true, 0}, *admission_.ReserveBytes(2 * kMb),
                                    {reader_, ++begun_}, 0);
  const auto other = Begin(reader_, /*may_idle=*/true);
  Arrive(10 * kMb);
  EXPECT_GT(admission_.inflight_bytes(), 10 * kMb);
  End(other, 10 * kMb);
  EXPECT_EQ(admission_.inflight_bytes(), 2 * kMb);
  EXPECT_EQ(End(idle, 1000).wanted(), 0);
}

TEST_F(IncomingMessagesTest, ManyBytesWithoutACallAreStray) {
  Arrive(IncomingMessages::kMaxStrayBytes);
  EXPECT_FALSE(messages_.IsStray(arrived_));
  Arrive(1);
  EXPECT_TRUE(messages_.IsStray(arrived_));
  Begin(reader_);
  EXPECT_FALSE(messages_.IsStray(arrived_));
}

// Connections with one message at a time each, which come, stop in the middle, or end early, of sizes from bytes to
// gigabytes, hundreds of small ones before large ones. Returns the most that was held beyond what was reserved.
int64_t MostBeyondReserved(uint32_t seed, size_t connections) {
  constexpr int64_t kBudget = 64 * kMb;
  struct Message {
    IncomingMessages::Place place;
    std::shared_ptr<FakeReader> reader;
    int64_t size;
    int64_t held;
  };
  struct Connection {
    IncomingMessages messages;
    RecentNeeds needs;
    int64_t arrived = 0;
    std::list<Message> waiting;
  };
  std::mt19937 random(seed);
  const auto below = [&](int64_t n) { return static_cast<int64_t>(random() % static_cast<uint64_t>(n)); };
  Admission admission(kBudget, 1 << 20);
  Foresight foresight(admission, 16 * kMb);
  std::vector<Connection> all(connections);
  int64_t held = 0;
  int64_t most_beyond = 0;
  const auto end = [&](Connection& connection, std::list<Message>::iterator message, bool whole) {
    connection.messages.End(connection.arrived, message->place, whole ? message->size : -1);
    held -= message->held;
    connection.waiting.erase(message);
  };
  for (int step = 0; step < 6000; ++step) {
    Connection& connection = all[static_cast<size_t>(below(static_cast<int64_t>(connections)))];
    auto& waiting = connection.waiting;
    if (waiting.empty() && below(3) == 0) {
      auto reader = std::make_shared<FakeReader>();
      const int64_t size = step < 1000 ? 240 : int64_t{1} << below(31);
      auto room = foresight.ReserveUnread(connection.needs, false, absl::UnixEpoch() + absl::Milliseconds(step));
      if (!room.ok()) continue;
      const IncomingMessages::Rules rules = {16 * kMb, below(4) == 0, foresight.LikelyNeed(connection.needs),
                                             &foresight};
      waiting.push_back(
          {connection.messages.Begin(connection.arrived, rules, *std::move(room), {reader}), reader, size, 0});
    } else if (!waiting.empty()) {
      const auto message = std::next(waiting.begin(), below(static_cast<int64_t>(waiting.size())));
      const int64_t bytes = std::min(message->size - message->held, 1 + below(kMb));
      message->held += bytes;
      held += bytes;
      connection.arrived += bytes;
      if (message->held == message->size) {
        foresight.Note(connection.needs, message->size);
        end(connection, message, true);
      } else if (below(50) == 0) {
        end(connection, message, false);  // Its client cancels.
      }
    }
    while (connection.arrived >= connection.messages.WakeAt()) {
      for (auto& notice : connection.messages.Assign(connection.arrived)) {
        const auto refused =
            std::find_if(waiting.begin(), waiting.end(),
                         [reader = notice.message.reader.lock()](const Message& m) { return m.reader == reader; });
        end(connection, refused, false);
      }
    }
    EXPECT_LE(admission.inflight_bytes(), kBudget);
    int64_t free = 0;
    for (const Connection& each : all) free += static_cast<int64_t>(each.waiting.size()) * kFree;
    most_beyond = std::max(most_beyond, held - admission.inflight_bytes() - free);
  }
  for (Connection& each : all) {
    while (!each.waiting.empty()) end(each, each.waiting.begin(), false);
  }
  EXPECT_EQ(admission.inflight_bytes(), 0);
  return most_beyond;
}

TEST(IncomingMessagesPropertyTest, WhatIsHeldIsReservedButForTheFreeBytesOfEach) {
  for (uint32_t seed = 0; seed < 50; ++seed) EXPECT_LE(MostBeyondReserved(seed, 40), 0) << seed;
}

}  // namespace
}  // namespace lossd
