// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/connection_taps.h"

#include <cerrno>

#include "gtest/gtest.h"
#include "tests/support/http2/frames.h"
#include "tests/support/tapped_connection.h"

namespace lossd::testing {
namespace {

TEST(ConnectionTapsTest, CountsTheBytesOfMessagesByTheAddressThatGrpcKnows) {
  for (const bool ipv6 : {false, true}) {
    TappedConnection connection(ipv6);
    const auto tap = FindTap(connection.peer());
    ASSERT_NE(tap, nullptr) << connection.peer();
    EXPECT_EQ(tap->peer(), connection.peer());
    connection.Send(ConnectionPreface() + HeadersOf(1, {}) + DataOf(1, std::string(100'000, 'x')));
    EXPECT_EQ(tap->arrived(), 100'000);
    EXPECT_FALSE(tap->opaque());
    EXPECT_FALSE(tap->floods());
  }
}

TEST(ConnectionTapsTest, CountsAllOfWhatItCannotRead) {
  TappedConnection connection;
  connection.Send(std::string(5'000, '\x16'));
  const auto tap = FindTap(connection.peer());
  EXPECT_EQ(tap->arrived(), 5'000);
  EXPECT_TRUE(tap->opaque());
}

TEST(ConnectionTapsTest, KnowsNothingOfOthers) { EXPECT_EQ(FindTap("ipv4:127.0.0.1:1"), nullptr); }

TEST(ConnectionTapsTest, WakesOnceWhenSoMuchHasArrived) {
  TappedConnection connection;
  const auto tap = FindTap(connection.peer());
  int woken = 0;
  tap->SetWaker([&] { ++woken; });
  tap->WakeAt(10);
  connection.Send(std::string(9, 'x'));
  EXPECT_EQ(woken, 0);
  connection.Send("x");
  EXPECT_EQ(woken, 1);
  connection.Send("more");
  EXPECT_EQ(woken, 1);
  tap->WakeAt(5);
  connection.Send("x");
  EXPECT_EQ(woken, 2);
}

TEST(ConnectionTapsTest, WakesWhereHeadersDoNotEnd) {
  TappedConnection connection;
  const auto tap = FindTap(connection.peer());
  int woken = 0;
  tap->SetWaker([&] { ++woken; });
  connection.Send(ConnectionPreface() + ToBytes({kHeadersFrame, 0, 1, "h"}));
  const std::string more = ToBytes({kContinuationFrame, 0, 1, std::string(16'000, 'h')});
  for (int i = 0; i < 100; ++i) connection.Send(more);
  EXPECT_TRUE(tap->floods());
  EXPECT_EQ(woken, 1);
}

TEST(ConnectionTapsTest, CutsWhatNobodyWatches) {
  TappedConnection headers;
  headers.Send(ConnectionPreface() + ToBytes({kHeadersFrame, 0, 1, "h"}));
  const std::string more = ToBytes({kContinuationFrame, 0, 1, std::string(16'000, 'h')});
  for (int i = 0; i < 66; ++i) headers.Send(more);
  EXPECT_TRUE(headers.HasEnded());
  TappedConnection opaque;
  for (int i = 0; i < 32; ++i) opaque.Send(std::string(1 << 20, '\x16'));
  EXPECT_TRUE(opaque.HasEnded());
}

TEST(ConnectionTapsTest, CutsTheConnectionsOfAPeerAndNoOthers) {
  TappedConnection cut;
  TappedConnection other;
  CutConnections(cut.peer());
  EXPECT_TRUE(cut.HasEnded());
  other.Send("x");
  EXPECT_EQ(FindTap(other.peer())->arrived(), 1);
}

TEST(ConnectionTapsTest, ReadsNoMoreOfTheConnectionsOfAListenerThatStops) {
  TappedConnection stopped;
  TappedConnection other;
  StopReading({stopped.address()});
  errno = 0;
  EXPECT_EQ(stopped.Receive(), -1);
  EXPECT_EQ(errno, EAGAIN);
  other.Send("x");
  EXPECT_EQ(FindTap(other.peer())->arrived(), 1);
}

}  // namespace
}  // namespace lossd::testing
