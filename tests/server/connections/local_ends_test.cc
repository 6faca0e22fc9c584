// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/local_ends.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "gtest/gtest.h"
#include "server/settings/listen_address.h"
#include "tests/support/server_process.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

TEST(LocalEndsTest, ListenersOfThePortAreTheirsAndOthersAreNot) {
  ASSERT_OK_AND_ASSIGN(const BoundSocket mine, BindTcp({"127.0.0.1", 0, ""}));
  ASSERT_OK_AND_ASSIGN(const BoundSocket other, BindTcp({"127.0.0.1", 0, ""}));
  const LocalEnds ends = LocalEnds::Of({"127.0.0.1:" + std::to_string(mine.port), "nonsense", "unix:/no/such/socket"});
  EXPECT_TRUE(ends.Contain(mine.fd));
  EXPECT_FALSE(ends.Contain(other.fd));
  EXPECT_FALSE(ends.Contain(-1));
  close(mine.fd);
  close(other.fd);
}

TEST(LocalEndsTest, UnixSocketsGoByTheirPath) {
  const testing::TemporaryFolder folder;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, folder.File("s").c_str(), sizeof(address.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_TRUE(LocalEnds::Of({"unix:" + folder.File("s")}).Contain(fd));
  EXPECT_FALSE(LocalEnds::Of({"unix:" + folder.File("t")}).Contain(fd));
  close(fd);
}

}  // namespace
}  // namespace lossd
