// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/tapped_connection.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace lossd::testing {

TappedConnection::TappedConnection(bool ipv6) {
  const int family = ipv6 ? AF_INET6 : AF_INET;
  const int listener = socket(family, SOCK_STREAM, 0);
  client_ = socket(family, SOCK_STREAM, 0);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_addr = in6addr_loopback;
  sockaddr* const address = ipv6 ? reinterpret_cast<sockaddr*>(&v6) : reinterpret_cast<sockaddr*>(&v4);
  socklen_t length = ipv6 ? sizeof(v6) : sizeof(v4);
  EXPECT_EQ(bind(listener, address, length), 0);
  EXPECT_EQ(listen(listener, 1), 0);
  EXPECT_EQ(getsockname(listener, address, &length), 0);
  const int port = ntohs(ipv6 ? v6.sin6_port : v4.sin_port);
  EXPECT_EQ(connect(client_, address, length), 0);
  server_ = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  EXPECT_GE(server_, 0);
  EXPECT_EQ(getsockname(client_, address, &length), 0);
  const int own = ntohs(ipv6 ? v6.sin6_port : v4.sin_port);
  peer_ = ipv6 ? absl::StrCat("ipv6:%5B::1%5D:", own) : absl::StrCat("ipv4:127.0.0.1:", own);
  address_ = ipv6 ? absl::StrCat("[::1]:", port) : absl::StrCat("127.0.0.1:", port);
  close(listener);
}

TappedConnection::~TappedConnection() {
  close(client_);
  close(server_);
}

void TappedConnection::Send(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(client_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) return;  // It was cut.
    if (sent > 0) bytes.remove_prefix(static_cast<size_t>(sent));
    while (Receive() > 0) {
    }
  }
  // What is on its way over the loopback interface is there when send has returned.
  while (Receive() > 0) {
  }
}

ssize_t TappedConnection::Receive() {
  std::array<char, 4096> first;
  std::array<char, 60'000> second;
  iovec pieces[] = {{first.data(), first.size()}, {second.data(), second.size()}};
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = 2;
  return recvmsg(server_, &message, 0);
}

bool TappedConnection::HasEnded() const {
  char byte = 0;
  return recv(client_, &byte, 1, 0) == 0;
}

}  // namespace lossd::testing
