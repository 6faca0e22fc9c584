// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A connection within the process, accepted as a server accepts it.

#ifndef LOSSD_TESTS_SUPPORT_TAPPED_CONNECTION_H_
#define LOSSD_TESTS_SUPPORT_TAPPED_CONNECTION_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace lossd::testing {

// Both ends over 127.0.0.1 or [::1]; the accepted end is tapped. Fails the test that makes it if it cannot. Not
// thread-safe.
class TappedConnection {
 public:
  explicit TappedConnection(bool ipv6 = false);
  ~TappedConnection();
  TappedConnection(const TappedConnection&) = delete;
  TappedConnection& operator=(const TappedConnection&) = delete;

  // The client's address as gRPC has it, and the listener's.
  const std::string& peer() const { return peer_; }
  const std::string& address() const { return address_; }

  // The client sends; the server reads all of it by recvmsg.
  void Send(absl::string_view bytes);
  // Reads once, without waiting: bytes read, or -1 with errno.
  ssize_t Receive();
  // Whether the client sees that the connection has ended.
  bool HasEnded() const;

 private:
  int client_ = -1;
  int server_ = -1;
  std::string peer_;
  std::string address_;
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_TAPPED_CONNECTION_H_
