// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/inflow.h"

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/http2/frames.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/tapped_connection.h"

namespace lossd::testing {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kMb = 1 << 20;

class RefusedReader final : public MessageReader {
 public:
  void OnMessageRefused(int64_t, absl::Status status) override {
    refusal = std::move(status);
    refused.Notify();
  }

  absl::Notification refused;
  absl::Status refusal;
};

class InflowTest : public ::testing::Test {
 protected:
  InflowTest() { client_.Send(ConnectionPreface() + HeadersOf(1, {})); }

  void SendMegabytes(int count) {
    for (int i = 0; i < 16 * count; ++i) client_.Send(DataOf(1, std::string(64 << 10, 'x')));
  }

  std::string log_;
  Logger logger_{LogLevel::kInfo, LogFormat::kText, [this](absl::string_view lines) { log_ += std::string(lines); }};
  Inflow inflow_{logger_, RealClock()};
  Admission admission_{100 * kMb, 100};
  MessageBudget budget_{admission_, InflowConnection::Kind::kUnary, 50 * kMb};
  TappedConnection client_;
  const std::shared_ptr<InflowConnection> connection_ = inflow_.Connection(client_.peer());
  const std::shared_ptr<RefusedReader> reader_ = std::make_shared<RefusedReader>();
};

TEST_F(InflowTest, WhatHasArrivedIsReservedAndHandedOverInTheEnd) {
  IncomingMessage message(connection_, budget_.Rules(*connection_), *admission_.Reserve(0), {reader_});
  SendMegabytes(10);
  const Reservation reservation = message.End(10 * kMb);
  EXPECT_FALSE(reservation.empty());
  EXPECT_FALSE(reader_->refused.HasBeenNotified());
  EXPECT_TRUE(message.End(10 * kMb).empty());
}

TEST_F(InflowTest, MessageThatIsTooLargeIsRefusedWhileItArrives) {
  IncomingMessage message(connection_, budget_.Rules(*connection_), *admission_.Reserve(0), {reader_});
  SendMegabytes(52);
  reader_->refused.WaitForNotification();
  EXPECT_THAT(reader_->refusal, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("at most 52428800 bytes")));
  message.End(-1).Release();
  EXPECT_EQ(admission_.inflight_bytes(), 0);
  EXPECT_EQ(admission_.calls(), 0);
}

TEST_F(InflowTest, MessageThatFindsNoRoomIsRefusedWhileItArrives) {
  const auto others = admission_.Reserve(95 * kMb);
  IncomingMessage message(connection_, budget_.Rules(*connection_), *admission_.Reserve(0), {reader_});
  SendMegabytes(6);
  reader_->refused.WaitForNotification();
  EXPECT_THAT(reader_->refusal, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("--max_inflight_bytes")));
}

TEST_F(InflowTest, NeedsAreForeseenByConnectionAndByAll) {
  budget_.NoteNeed(*connection_, 30 * kMb);
  EXPECT_EQ(budget_.ReserveUnread(*connection_, true, absl::UnixEpoch())->bytes(), 30 * kMb);
  TappedConnection second;
  EXPECT_EQ(budget_.ReserveUnread(*inflow_.Connection(second.peer()), true, absl::UnixEpoch())->bytes(), 30 * kMb);
  EXPECT_EQ(inflow_.Connection(client_.peer()), connection_);
}

// One message on its way whose need is foreseen, and time that the test lets pass.
class InflowPaceTest : public InflowTest {
 protected:
  InflowPaceTest() { EXPECT_EQ(admission_.inflight_bytes(), kNeed); }

  // The client's connection once it has a call, and has needed so much before.
  std::shared_ptr<InflowConnection> Connect() {
    paced_client_.Send(ConnectionPreface() + HeadersOf(1, {}));
    std::shared_ptr<InflowConnection> connection = paced_inflow_.Connection(paced_client_.peer());
    budget_.NoteNeed(*connection, kNeed);
    return connection;
  }

  static constexpr int64_t kNeed = 30 * kMb;
  SimulatedClock pace_clock_;
  Inflow paced_inflow_{logger_, pace_clock_};
  TappedConnection paced_client_;
  const std::shared_ptr<InflowConnection> paced_ = Connect();
  IncomingMessage message_{
      paced_, budget_.Rules(*paced_), *budget_.ReserveUnread(*paced_, true, absl::UnixEpoch()), {reader_}};
};

// A few calls whose messages never come must not keep from others what they are foreseen to need.
TEST_F(InflowPaceTest, WhatIsReservedForBytesThatDoNotComeIsGivenBack) {
  const auto await_held = [&](int64_t least, int64_t most) {
    const auto held = [&] { return admission_.inflight_bytes() >= least && admission_.inflight_bytes() <= most; };
    const absl::Time end = RealClock().TimeNow() + absl::Seconds(30);
    while (!held() && RealClock().TimeNow() < end) std::this_thread::yield();
    EXPECT_TRUE(held()) << admission_.inflight_bytes();
  };
  pace_clock_.WaitUntilWaiting(1);
  pace_clock_.AdvanceTime(Inflow::kPaceTime);
  await_held(0, 0);
  // Then it holds what comes, and not what such messages need.
  paced_client_.Send(DataOf(1, MessagePrefix(kMb)));
  for (int i = 0; i < 8; ++i) paced_client_.Send(DataOf(1, std::string(64 << 10, 'x')));
  const int64_t came = 8 * (64 << 10) + 5;
  await_held(came, came + IncomingMessages::kFreeBytes);
  EXPECT_FALSE(reader_->refused.HasBeenNotified());
  message_.End(-1).Release();
}

// One that brings its bytes keeps what it is foreseen to need.
TEST_F(InflowPaceTest, WhatIsForeseenStaysReservedWhileBytesCome) {
  for (int second = 0; second < 5; ++second) {
    pace_clock_.WaitUntilWaiting(1);
    for (int i = 0; i < 2; ++i) paced_client_.Send(DataOf(1, std::string(64 << 10, 'x')));
    pace_clock_.AdvanceTime(Inflow::kPaceTime);
    pace_clock_.WaitUntilWaiting(1);  // It has looked.
    EXPECT_EQ(admission_.inflight_bytes(), kNeed) << second;
  }
  message_.End(-1).Release();
}

TEST_F(InflowTest, ConnectionIsQuietUntilAMessageBegins) {
  MessageBudget streams(admission_, InflowConnection::Kind::kStream, 50 * kMb);
  IncomingMessage message(connection_, streams.Rules(*connection_), *admission_.ReserveBytes(0), {reader_});
  client_.Send(WindowUpdateOf(0, 100));
  EXPECT_TRUE(connection_->IsQuiet(absl::UnixEpoch()));
  client_.Send(DataOf(1, MessagePrefix(100)));
  EXPECT_FALSE(connection_->IsQuiet(absl::UnixEpoch()));
}

// What is encrypted is not taken apart: a ping every ten seconds for a day, as of clients that keep an idle stream up.
TEST_F(InflowTest, PingsOfAnIdleStreamThatIsEncryptedAreNoMessage) {
  constexpr char kApplicationData[] = "\x17\x03\x03\x00\x22";
  const std::string ping = std::string(kApplicationData, 5) + std::string(0x22, 'p');
  TappedConnection client;
  client.Send(ping);
  const auto connection = inflow_.Connection(client.peer());
  ASSERT_TRUE(connection->opaque());
  MessageBudget streams(admission_, InflowConnection::Kind::kStream, 50 * kMb);
  IncomingMessage message(connection, streams.Rules(*connection), *admission_.ReserveBytes(0), {reader_});
  absl::Time now = absl::UnixEpoch();
  EXPECT_TRUE(connection->IsQuiet(now));
  for (int looks = 0; looks < 24 * 60 * 2; ++looks) {
    for (int i = 0; i < 3; ++i) client.Send(ping);
    now += absl::Seconds(30);
    ASSERT_TRUE(connection->IsQuiet(now)) << looks;
  }
  for (int i = 0; i < 2000; ++i) client.Send(ping);  // 78 KB at once are none.
  EXPECT_FALSE(connection->IsQuiet(now + absl::Seconds(30)));
}

TEST_F(InflowTest, HeadersWithoutEndCostTheirConnection) {
  client_.Send(ToBytes({kHeadersFrame, 0, 3, "h"}));
  const std::string more = ToBytes({kContinuationFrame, 0, 3, std::string(16'000, 'h')});
  for (int i = 0; i < 100; ++i) client_.Send(more);
  EXPECT_TRUE(client_.HasEnded());
}

// As of calls that come faster than they can be handed over: the connection is cut before anybody knows of one.
TEST_F(InflowTest, FloodBeforeTheFirstCallIsHandedOverIsLoggedOnceItIs) {
  absl::Notification logged;
  Logger logger(LogLevel::kInfo, LogFormat::kText, [&](absl::string_view lines) {
    EXPECT_THAT(std::string(lines), HasSubstr("cut a connection that flooded"));
    EXPECT_THAT(std::string(lines), HasSubstr("held_back=0"));
    logged.Notify();
  });
  Inflow inflow(logger, RealClock());
  TappedConnection client;
  client.Send(ConnectionPreface() + ToBytes({kHeadersFrame, 0, 1, "h"}));
  const std::string more = ToBytes({kContinuationFrame, 0, 1, std::string(16'000, 'h')});
  for (int i = 0; i < 100; ++i) client.Send(more);
  EXPECT_TRUE(client.HasEnded());
  const auto connection = inflow.Connection(client.peer());
  EXPECT_TRUE(logged.WaitForNotificationWithTimeout(absl::Seconds(30)));
}

class SlowReader final : public MessageReader {
 public:
  void OnMessageRefused(int64_t, absl::Status) override {
    begun.Notify();
    may_end.WaitForNotification();
    ended = true;
  }

  absl::Notification begun;
  absl::Notification may_end;
  bool ended = false;
};

// The thread may have the last of a call: whoever destroys what calls need stops it first.
TEST_F(InflowTest, StopWaitsForWhomeverIsBeingTold) {
  const auto reader = std::make_shared<SlowReader>();
  IncomingMessage message(connection_, budget_.Rules(*connection_), *admission_.Reserve(0), {reader});
  SendMegabytes(52);
  reader->begun.WaitForNotification();
  std::thread stopping([&] { inflow_.Stop(); });
  reader->may_end.Notify();
  stopping.join();
  EXPECT_TRUE(reader->ended);
  EXPECT_EQ(reader.use_count(), 1);
  inflow_.Stop();
}

TEST_F(InflowTest, ConnectionThatIsNotTappedHasNoSurprises) {
  const auto connection = inflow_.Connection("ipv4:127.0.0.1:1");
  IncomingMessage message(connection, budget_.Rules(*connection), *admission_.Reserve(7), {reader_});
  EXPECT_TRUE(connection->IsQuiet(absl::UnixEpoch()));
  EXPECT_EQ(message.End(100).bytes(), 7);
}

}  // namespace
}  // namespace lossd::testing
