// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/server/http_get.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "gtest/gtest.h"

namespace lossd::testing {

namespace {

sockaddr_in SocketAddress(const std::string& host, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  return address;
}

}  // namespace

int ConnectFrom(const std::string& host, const std::string& address) {
  const size_t colon = address.rfind(':');
  const sockaddr_in source = SocketAddress(host, 0);
  const sockaddr_in target = SocketAddress(address.substr(0, colon), std::atoi(address.c_str() + colon + 1));
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&source), sizeof(source)), 0) << host;
  // Where nobody listens, nothing will be read.
  static_cast<void>(connect(fd, reinterpret_cast<const sockaddr*>(&target), sizeof(target)));
  return fd;
}

HttpReply HttpAsk(const std::string& address, const std::string& path, const std::string& method) {
  const int fd = ConnectFrom("127.0.0.1", address);
  std::string text;
  const std::string request =
      method + " " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  send(fd, request.data(), request.size(), MSG_NOSIGNAL);
  char buffer[4096];
  for (ssize_t count = 0; (count = recv(fd, buffer, sizeof(buffer), 0)) > 0;) {
    text.append(buffer, static_cast<size_t>(count));
  }
  close(fd);
  const size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos) return {};
  return {std::atoi(text.c_str() + text.find(' ')), text.substr(0, end), text.substr(end + 4)};
}

}  // namespace lossd::testing
