// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/accept_guard.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/local_listener.h"

namespace lossd {
namespace {

// Lowers the limit of file descriptors.
class FewDescriptors {
 public:
  explicit FewDescriptors(rlim_t limit) {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit low = before_;
    low.rlim_cur = limit;
    setrlimit(RLIMIT_NOFILE, &low);
  }
  ~FewDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_ = {};
};

// Takes every file descriptor below a limit that is lowered for the purpose.
class NoDescriptorsLeft {
 public:
  NoDescriptorsLeft() {
    for (int fd = dup(0); fd >= 0; fd = dup(0)) taken_.push_back(fd);
  }
  ~NoDescriptorsLeft() {
    for (const int fd : taken_) close(fd);
  }

 private:
  const FewDescriptors few_{256};
  std::vector<int> taken_;
};

TEST(AcceptGuardTest, TurnsConnectionsAwayWhileNoDescriptorIsLeftAndTakesThemAgainAfterwards) {
  GuardAccept();
  const testing::LocalListener listener(16, SOCK_NONBLOCK);
  const int early[] = {socket(AF_INET, SOCK_STREAM, 0), socket(AF_INET, SOCK_STREAM, 0)};
  const int late = socket(AF_INET, SOCK_STREAM, 0);
  {
    const NoDescriptorsLeft none;
    for (const int client : early) listener.Connect(client);
    EXPECT_EQ(listener.Accept(), -1);
    EXPECT_EQ(errno, EAGAIN);  // gRPC then waits for the next connection.
  }
  char byte = 0;
  for (const int client : early) EXPECT_LE(recv(client, &byte, 1, 0), 0);  // Closed, not left in the queue.
  listener.Connect(late);
  const int accepted = listener.Accept();
  EXPECT_GE(accepted, 0);
  for (const int fd : {early[0], early[1], late, accepted}) close(fd);
}

TEST(AcceptGuardTest, LostSpareIsReplacedOnceThereAreDescriptorsAgain) {
  GuardAccept();
  const testing::LocalListener listener(16, SOCK_NONBLOCK);
  const int clients[] = {socket(AF_INET, SOCK_STREAM, 0), socket(AF_INET, SOCK_STREAM, 0)};
  listener.Connect(clients[0]);
  {
    const FewDescriptors none(3);  // Not even the spare one can be opened again.
    EXPECT_EQ(listener.Accept(), -1);
    EXPECT_EQ(errno, EAGAIN);
  }
  const int accepted = listener.Accept();
  EXPECT_GE(accepted, 0);
  {
    const NoDescriptorsLeft none;
    listener.Connect(clients[1]);
    EXPECT_EQ(listener.Accept(), -1);
  }
  char byte = 0;
  EXPECT_LE(recv(clients[1], &byte, 1, 0), 0);  // Turned away.
  for (const int fd : {clients[0], clients[1], accepted}) close(fd);
}

TEST(BoundedListenerTest, ConnectionsBeyondTheBoundAreClosedAndOthersTaken) {
  const testing::LocalListener listener(16, SOCK_NONBLOCK);
  const testing::LocalListener other(16, SOCK_NONBLOCK);
  int told = 0;
  const BoundedListener bounded({listener.address()}, {.connections = 1, .on_refused = [&told] { ++told; }});
  const int clients[] = {socket(AF_INET, SOCK_STREAM, 0), socket(AF_INET, SOCK_STREAM, 0),
                         socket(AF_INET, SOCK_STREAM, 0), socket(AF_INET, SOCK_STREAM, 0)};
  listener.Connect(clients[0]);
  const int first = listener.Accept();
  EXPECT_GE(first, 0);
  listener.Connect(clients[1]);
  EXPECT_EQ(listener.Accept(), -1);
  EXPECT_EQ(errno, EAGAIN);
  char byte = 0;
  EXPECT_LE(recv(clients[1], &byte, 1, 0), 0);
  EXPECT_EQ(told, 1);
  EXPECT_EQ(bounded.refused(), 1);
  EXPECT_EQ(bounded.connections(), 1);
  other.Connect(clients[2]);
  const int elsewhere = other.Accept();
  EXPECT_GE(elsewhere, 0);
  close(first);
  EXPECT_EQ(bounded.connections(), 0);
  listener.Connect(clients[3]);
  const int next = listener.Accept();
  EXPECT_GE(next, 0);
  for (const int fd : {clients[0], clients[1], clients[2], clients[3], elsewhere, next}) close(fd);
}

TEST(BoundedListenerTest, LastDescriptorsAreForOthers) {
  const testing::LocalListener listener(16, SOCK_NONBLOCK);
  const int client = socket(AF_INET, SOCK_STREAM, 0);
  {
    const BoundedListener bounded({listener.address()}, {.below = 3});
    listener.Connect(client);
    EXPECT_EQ(listener.Accept(), -1);
    EXPECT_EQ(bounded.refused(), 1);
  }
  const int again = socket(AF_INET, SOCK_STREAM, 0);
  listener.Connect(again);
  const int accepted = listener.Accept();
  EXPECT_GE(accepted, 0);
  for (const int fd : {client, again, accepted}) close(fd);
}

TEST(AcceptGuardTest, OtherFailuresAreReportedAsTheyAre) {
  EXPECT_EQ(accept4(-1, nullptr, nullptr, 0), -1);
  EXPECT_EQ(errno, EBADF);
  const testing::LocalListener listener(16, SOCK_NONBLOCK);
  EXPECT_EQ(listener.Accept(), -1);
  EXPECT_EQ(errno, EAGAIN);
}

}  // namespace
}  // namespace lossd
