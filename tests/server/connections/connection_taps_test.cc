// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/connection_taps.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>

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

// Connections over unix sockets share a tap: each that floods is cut, not the first alone.
TEST(ConnectionTapsTest, CutsEachConnectionOverUnixSocketsThatFloods) {
  const std::string flood = ConnectionPreface() + ToBytes({kHeadersFrame, 0, 1, "h"}) +
                            ToBytes({kContinuationFrame, 0, 1, std::string(70'000, 'h')});
  for (int connection = 0; connection < 2; ++connection) {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    TapConnection(ends[1]);
    ASSERT_EQ(write(ends[0], flood.data(), flood.size()), static_cast<ssize_t>(flood.size()));
    std::string room(flood.size(), '\0');
    iovec piece = {room.data(), room.size()};
    msghdr message = {};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    EXPECT_GT(recvmsg(ends[1], &message, 0), 0);
    char byte = 0;
    EXPECT_EQ(recv(ends[0], &byte, 1, MSG_DONTWAIT), 0) << "the end of connection " << connection;
    close(ends[0]);
    close(ends[1]);
  }
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
