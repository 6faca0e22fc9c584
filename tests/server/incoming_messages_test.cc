// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/incoming_messages.h"

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
  void OnMessageBegun() override { ++begun; }
  void OnMessageRefused(absl::Status status) override { refusals.push_back(std::move(status)); }

  int begun = 0;
  std::vector<absl::Status> refusals;
};

// A connection, and a budget of 100 MB.
class IncomingMessagesTest : public ::testing::Test {
 protected:
  IncomingMessages::Place Begin(const std::shared_ptr<FakeReader>& reader, bool may_idle = false,
                                int64_t max_bytes = 50 * kMb, int64_t foreseen = 0) {
    return messages_.Begin(arrived_, {max_bytes, may_idle, foreseen}, *admission_.ReserveBytes(0), reader);
  }
  // `bytes` more have arrived: what the thread that watches does then.
  void Arrive(int64_t bytes) {
    arrived_ += bytes;
    if (arrived_ < messages_.WakeAt()) return;
    for (auto& notice : messages_.Assign(arrived_)) {
      const auto reader = notice.reader.lock();
      if (reader == nullptr) continue;
      if (notice.refusal.ok()) {
        reader->OnMessageBegun();
      } else {
        reader->OnMessageRefused(std::move(notice.refusal));
      }
    }
  }
  Reservation End(IncomingMessages::Place place, int64_t bytes) { return messages_.End(arrived_, place, bytes); }

  Admission admission_{100 * kMb, 1'000'000};
  IncomingMessages messages_;
  int64_t arrived_ = 0;
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
  Arrive(100 * kMb);  // Until the client has heard of it.
  EXPECT_THAT(reader_->refusals, SizeIs(1));
}

TEST_F(IncomingMessagesTest, OneThatOutgrowsTheBudgetIsRefusedWithAdviceToRetry) {
  const auto others = admission_.Reserve(95 * kMb);
  const auto place = Begin(reader_);
  Arrive(2 * kMb);
  ASSERT_THAT(reader_->refusals, SizeIs(1));
  EXPECT_EQ(GetLimitViolation(reader_->refusals[0])->reason, RejectReason::kInflightBytes);
  EXPECT_TRUE(GetLimitViolation(reader_->refusals[0])->retry_delay.has_value());
  End(place, -1).Release();
  EXPECT_EQ(admission_.inflight_bytes(), 95 * kMb);
}

TEST_F(IncomingMessagesTest, OthersOfItsConnectionDoNotSufferForTheRefusedOne) {
  const auto innocent = std::make_shared<FakeReader>();
  const auto large = Begin(reader_, false, 10 * kMb);
  const auto small = Begin(innocent, true, 10 * kMb);
  Arrive(30 * kMb);
  EXPECT_THAT(reader_->refusals, SizeIs(1));
  Arrive(30 * kMb);
  EXPECT_THAT(innocent->refusals, IsEmpty());
  End(large, -1);
  Arrive(kKb);
  End(small, kKb);
  EXPECT_THAT(innocent->refusals, IsEmpty());
}

TEST_F(IncomingMessagesTest, WaitingOneBeginsWithItsBytesAndNotWithThoseOfOthers) {
  const auto stream = std::make_shared<FakeReader>();
  const auto idle = Begin(stream, true);
  for (int i = 0; i < 1000; ++i) {  // Calls beside it, with what frames and headers add.
    messages_.Explain(arrived_, 512);
    const auto call = Begin(reader_);
    Arrive(100 * kKb + 400);
    End(call, 100 * kKb).Release();
  }
  EXPECT_EQ(stream->begun, 0);
  Arrive(kMb);
  EXPECT_EQ(stream->begun, 1);
  Arrive(kMb);
  EXPECT_EQ(stream->begun, 1);
  End(idle, 2 * kMb).Release();
  EXPECT_EQ(admission_.inflight_bytes(), 0);
}

TEST_F(IncomingMessagesTest, BytesOfOneThatWillNotComeAreForgotten) {
  const auto stream = std::make_shared<FakeReader>();
  Begin(stream, true);
  for (int i = 0; i < 100; ++i) {
    const auto call = Begin(reader_);
    Arrive(10 * kMb);
    End(call, -1).Release();
  }
  EXPECT_EQ(stream->begun, 0);
  EXPECT_EQ(admission_.inflight_bytes(), 0);
}

TEST_F(IncomingMessagesTest, ManyBytesWithoutACallAreStray) {
  Arrive(IncomingMessages::kMaxStrayBytes);
  EXPECT_FALSE(messages_.IsStray(arrived_));
  Arrive(1);
  EXPECT_TRUE(messages_.IsStray(arrived_));
  Begin(reader_);
  EXPECT_FALSE(messages_.IsStray(arrived_));
}

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

TEST(RecentNeedsTest, AreNotBelievedForEverWhereNothingConfirmsThem) {
  RecentNeeds needs;
  needs.Add(10);
  needs.Add(500);
  needs.Doubt();
  EXPECT_EQ(needs.smallest(), 500);
  needs.Doubt();
  needs.Doubt();
  EXPECT_EQ(needs.smallest(), 0);
  EXPECT_EQ(needs.largest(), 500);
  needs.Confirm();
  EXPECT_EQ(needs.smallest(), 10);
}

// Connections whose messages come, stop in the middle, or end early, of sizes from bytes to gigabytes, hundreds of
// small ones before a thousand large ones among them: what lies in the transport never exceeds what is reserved by more
// than the free bytes of each message.
TEST(IncomingMessagesPropertyTest, WhatIsHeldIsReservedButForTheFreeBytesOfEach) {
  constexpr int64_t kBudget = 64 * kMb;
  struct Message {
    IncomingMessages::Place place;
    std::shared_ptr<FakeReader> reader;
    int64_t size;
    int64_t held;
  };
  for (uint32_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto below = [&](int64_t n) { return static_cast<int64_t>(random() % static_cast<uint64_t>(n)); };
    Admission admission(kBudget, 1 << 20);
    IncomingMessages messages;
    int64_t arrived = 0;
    std::list<Message> waiting;
    int64_t held = 0;
    int64_t mistaken = 0;  // Bytes of others that went with an aborted one; forgotten once the connection is quiet.
    const auto end = [&](std::list<Message>::iterator message, bool whole) {
      if (!whole) mistaken += std::max<int64_t>(0, message->place->assigned - message->held);
      messages.End(arrived, message->place, whole ? message->size : -1);
      held -= message->held;
      waiting.erase(message);
      if (waiting.empty()) mistaken = 0;
    };
    for (int step = 0; step < 3000; ++step) {
      if (waiting.size() < 100 && below(3) == 0) {
        auto reader = std::make_shared<FakeReader>();
        const int64_t size = step < 500 ? 240 : int64_t{1} << below(31);
        const auto place = messages.Begin(arrived, {16 * kMb, below(4) == 0, below(2) * below(20 * kMb)},
                                          *admission.ReserveBytes(0), reader);
        waiting.push_back({place, reader, size, 0});
      } else if (!waiting.empty()) {
        const auto message = std::next(waiting.begin(), below(static_cast<int64_t>(waiting.size())));
        const int64_t bytes = std::min(message->size - message->held, 1 + below(kMb));
        if (below(20) == 0) {
          end(message, false);  // Its client cancels.
        } else {
          message->held += bytes;
          held += bytes;
          arrived += bytes;
          if (message->held == message->size) end(message, true);
        }
      }
      while (arrived >= messages.WakeAt()) {
        for (auto& notice : messages.Assign(arrived)) {
          if (notice.refusal.ok()) continue;
          const auto reader = notice.reader.lock();
          for (auto message = waiting.begin(); message != waiting.end(); ++message) {
            if (message->reader == reader) {
              end(message, false);
              break;
            }
          }
        }
      }
      ASSERT_LE(admission.inflight_bytes(), kBudget);
      const int64_t free = static_cast<int64_t>(waiting.size()) * (kFree + kMb / 8);  // With what framing may be.
      ASSERT_LE(held, admission.inflight_bytes() + free + mistaken);
    }
  }
}

}  // namespace
}  // namespace lossd
