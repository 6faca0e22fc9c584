// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A listening socket of this machine.

#ifndef LOSSD_TESTS_SUPPORT_LOCAL_LISTENER_H_
#define LOSSD_TESTS_SUPPORT_LOCAL_LISTENER_H_

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "gtest/gtest.h"

namespace lossd::testing {

// Listens on a free port of 127.0.0.1. Not thread-safe, but for Accept, which blocks unless `flags` say SOCK_NONBLOCK.
class LocalListener {
 public:
  // `backlog`: connections that wait to be accepted, about. `flags`: of the socket's type.
  explicit LocalListener(int backlog, int flags = 0) : fd_(socket(AF_INET, SOCK_STREAM | flags, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address_);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address_), length), 0);
    EXPECT_EQ(listen(fd_, backlog), 0);
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address_), &length), 0);
  }
  LocalListener(const LocalListener&) = delete;
  LocalListener& operator=(const LocalListener&) = delete;
  ~LocalListener() { close(fd_); }

  // host:port.
  std::string address() const { return "127.0.0.1:" + std::to_string(ntohs(address_.sin_port)); }
  // The next connection, which the caller closes; -1: none.
  int Accept() const { return accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC); }
  // Connects the socket `client` with this.
  void Connect(int client) const {
    EXPECT_EQ(connect(client, reinterpret_cast<const sockaddr*>(&address_), sizeof(address_)), 0);
  }

 private:
  const int fd_;
  sockaddr_in address_ = {};
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_LOCAL_LISTENER_H_
