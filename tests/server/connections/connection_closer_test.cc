// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/connection_closer.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "gtest/gtest.h"
#include "server/settings/listen_address.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

int Connect(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
  close(fd);
  return -1;
}

std::string ReadAll(int fd) {
  std::string text;
  char buffer[64];
  for (ssize_t count = 0; (count = read(fd, buffer, sizeof(buffer))) > 0;)
    text.append(buffer, static_cast<size_t>(count));
  return text;
}

TEST(ConnectionCloserTest, ClientGetsWhatWasWrittenThenTheEndAndMayNotComeBack) {
  ASSERT_OK_AND_ASSIGN(const BoundSocket listener, BindTcp({"127.0.0.1", 0, ""}));
  const int client = Connect(listener.port);
  const int accepted = accept(listener.fd, nullptr, nullptr);
  ASSERT_EQ(write(accepted, "last words", 10), 10);
  CloseConnections({"127.0.0.1:" + std::to_string(listener.port)});
  EXPECT_EQ(ReadAll(client), "last words");
  EXPECT_EQ(Connect(listener.port), -1);
  for (const int fd : {client, accepted, listener.fd}) close(fd);
}

TEST(ConnectionCloserTest, OtherConnectionsStay) {
  ASSERT_OK_AND_ASSIGN(const BoundSocket closed, BindTcp({"127.0.0.1", 0, ""}));
  ASSERT_OK_AND_ASSIGN(const BoundSocket kept, BindTcp({"127.0.0.1", 0, ""}));
  const int client = Connect(kept.port);
  const int accepted = accept(kept.fd, nullptr, nullptr);
  CloseConnections({"127.0.0.1:" + std::to_string(closed.port), "unix:/no/such/socket"});
  ASSERT_EQ(write(accepted, "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(read(client, &byte, 1), 1);
  for (const int fd : {client, accepted, kept.fd, closed.fd}) close(fd);
}

}  // namespace
}  // namespace lossd
