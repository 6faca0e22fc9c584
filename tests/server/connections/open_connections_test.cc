// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/open_connections.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gtest/gtest.h"

namespace lossd {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'000'000);

int Socket() { return socket(AF_INET, SOCK_STREAM, 0); }

TEST(OpenConnectionsTest, ClosedOnesMakeRoomAtTheNextLook) {
  OpenConnections connections;
  const int first = Socket();
  const int second = Socket();
  const int third = Socket();
  EXPECT_TRUE(connections.Add(first, 2, kNow));
  EXPECT_TRUE(connections.Add(second, 2, kNow));
  EXPECT_FALSE(connections.Add(third, 2, kNow));
  close(first);
  EXPECT_FALSE(connections.Add(third, 2, kNow + absl::Milliseconds(99)));
  EXPECT_TRUE(connections.Add(third, 2, kNow + OpenConnections::kBetweenLooks));
  EXPECT_EQ(connections.Count(), 2);
  close(second);
  close(third);
  EXPECT_EQ(connections.Count(), 0);
}

TEST(OpenConnectionsTest, SocketsHaveNumbersAndNothingElseHas) {
  const int first = Socket();
  const int second = Socket();
  const int duplicate = dup(first);
  EXPECT_NE(SocketOf(first), 0);
  EXPECT_NE(SocketOf(first), SocketOf(second));
  EXPECT_EQ(SocketOf(first), SocketOf(duplicate));
  const int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(SocketOf(file), 0);
  for (const int descriptor : {first, second, duplicate, file}) close(descriptor);
  EXPECT_EQ(SocketOf(first), 0);
}

TEST(OpenConnectionsTest, NumberThatIsUsedAgainCountsOnce) {
  OpenConnections connections;
  const int first = Socket();
  EXPECT_TRUE(connections.Add(first, 1, kNow));
  close(first);
  const int again = Socket();
  ASSERT_EQ(again, first);
  EXPECT_TRUE(connections.Add(again, 1, kNow));
  close(again);
  const int other = dup(0);  // No socket of ours any more.
  EXPECT_EQ(connections.Count(), 0);
  close(other);
}

}  // namespace
}  // namespace lossd
