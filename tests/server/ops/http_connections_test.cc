// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/ops/http_connections.h"

#include <sys/socket.h>
#include <unistd.h>

#include "gtest/gtest.h"

namespace lossd {
namespace {

// A pair of connected sockets, one of which is the server's.
class Pair {
 public:
  Pair() { socketpair(AF_UNIX, SOCK_STREAM, 0, ends_); }
  ~Pair() {
    close(ends_[0]);
    close(ends_[1]);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  int server() const { return ends_[0]; }
  // Whether the server's end was shut down.
  bool cut() const {
    char byte = 0;
    return recv(ends_[1], &byte, 1, MSG_DONTWAIT) == 0;
  }

 private:
  int ends_[2] = {};
};

const absl::Time kStart = absl::FromUnixSeconds(1'000'000);

TEST(HttpConnectionsTest, RequestThatTakesTooLongIsCutAndAnAnswerBeginsAnew) {
  HttpConnections connections(8, absl::Seconds(10));
  const Pair slow;
  const Pair busy;
  connections.OnStarted(&slow, slow.server(), kStart);
  connections.OnStarted(&busy, busy.server(), kStart);
  connections.OnAnswered(&busy, kStart + absl::Seconds(5));
  connections.CutOverdue(kStart + absl::Seconds(10));
  EXPECT_FALSE(slow.cut());
  connections.CutOverdue(kStart + absl::Seconds(11));
  EXPECT_TRUE(slow.cut());
  EXPECT_FALSE(busy.cut());
  connections.CutOverdue(kStart + absl::Seconds(16));
  EXPECT_TRUE(busy.cut());
}

TEST(HttpConnectionsTest, LongestAtItsRequestMakesRoomForANewcomer) {
  HttpConnections connections(2, absl::InfiniteDuration());
  const Pair pairs[4];
  for (int i = 0; i < 2; ++i) connections.OnStarted(&pairs[i], pairs[i].server(), kStart + absl::Seconds(i));
  connections.OnAnswered(&pairs[0], kStart + absl::Seconds(2));
  connections.OnStarted(&pairs[2], pairs[2].server(), kStart + absl::Seconds(3));
  EXPECT_FALSE(pairs[0].cut());
  EXPECT_TRUE(pairs[1].cut());
  connections.OnClosed(&pairs[1]);
  connections.OnClosed(&pairs[2]);
  connections.OnStarted(&pairs[3], pairs[3].server(), kStart + absl::Seconds(4));
  EXPECT_FALSE(pairs[0].cut());
  EXPECT_FALSE(pairs[3].cut());
}

TEST(HttpConnectionsTest, ClosedOnesAreForgotten) {
  HttpConnections connections(1, absl::Seconds(1));
  const Pair pair;
  connections.OnStarted(&pair, pair.server(), kStart);
  connections.OnClosed(&pair);
  connections.OnClosed(&pair);
  connections.OnAnswered(&pair, kStart);
  connections.CutOverdue(kStart + absl::Hours(1));
  EXPECT_FALSE(pair.cut());
}

}  // namespace
}  // namespace lossd
