// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/last_peer.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/settings/listen_address.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::testing::AnyOf;

// Reads a byte of `fd` by recvmsg; -1 if that fails.
ssize_t ReadByte(int fd) {
  char byte = 0;
  iovec place{&byte, 1};
  msghdr message{};
  message.msg_iov = &place;
  message.msg_iovlen = 1;
  return recvmsg(fd, &message, MSG_DONTWAIT);
}

int ConnectTo(const BoundSocket& listener) {
  const int client = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(listener.port));
  inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  EXPECT_EQ(connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  return client;
}

TEST(LastPeerTest, IsThePeerOfTheSocketThatThisThreadHasReadLast) {
  ASSERT_OK_AND_ASSIGN(const BoundSocket listener, BindTcp({"127.0.0.1", 0, ""}));
  const int client = ConnectTo(listener);
  sockaddr_in address{};
  socklen_t length = sizeof(address);
  getsockname(client, reinterpret_cast<sockaddr*>(&address), &length);
  const int accepted = accept(listener.fd, nullptr, nullptr);
  ReadByte(accepted);
  // Under a sanitizer recvmsg is the sanitizer's.
  EXPECT_THAT(LastPeer(), AnyOf("ipv4:127.0.0.1:" + std::to_string(ntohs(address.sin_port)), "unknown"));
  std::string elsewhere;
  std::thread([&elsewhere] { elsewhere = LastPeer(); }).join();
  EXPECT_EQ(elsewhere, "unknown");
  for (const int fd : {client, accepted, listener.fd}) close(fd);
  EXPECT_EQ(LastPeer(), "unknown");
}

TEST(LastPeerTest, RefusedCallsAreHandedOverInTheirOrderOnAnyThread) {
  EXPECT_EQ(TakeRefusedPeer(), "unknown");
  NoteRead(-1);
  NoteRefusedCall();
  ASSERT_OK_AND_ASSIGN(const BoundSocket listener, BindTcp({"127.0.0.1", 0, ""}));
  const int client = ConnectTo(listener);
  NoteRead(client);
  NoteRefusedCall();
  std::thread([&] {
    EXPECT_EQ(TakeRefusedPeer(), "unknown");
    EXPECT_EQ(TakeRefusedPeer(), "ipv4:127.0.0.1:" + std::to_string(listener.port));
    EXPECT_EQ(TakeRefusedPeer(), "unknown");
  }).join();
  for (const int fd : {client, listener.fd}) close(fd);
}

TEST(LastPeerTest, ReadingFailsAsItDoes) {
  errno = 0;
  EXPECT_EQ(ReadByte(-1), -1);
  EXPECT_EQ(errno, EBADF);
}

}  // namespace
}  // namespace lossd
