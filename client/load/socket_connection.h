// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A plain socket to a server, for what no gRPC client does.

#ifndef LOSSD_CLIENT_LOAD_SOCKET_CONNECTION_H_
#define LOSSD_CLIENT_LOAD_SOCKET_CONNECTION_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace lossd::load {

// A connected stream socket, closed on destruction. Not thread-safe.
class SocketConnection {
 public:
  // To "host:port", "unix:/path", or these as gRPC's names: "dns:///host:port", "ipv4:host:port". Connecting to
  // each of its addresses, each read and each write gives up after `timeout`; looking the name up takes as long as the
  // system lets it. UNAVAILABLE if nobody listens or takes the connection in time, INVALID_ARGUMENT for another form.
  static absl::StatusOr<SocketConnection> Open(const std::string& target, absl::Duration timeout);
  SocketConnection(SocketConnection&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  SocketConnection& operator=(SocketConnection&&) = delete;
  ~SocketConnection();

  // Writes all of `bytes`; UNAVAILABLE if the peer takes no more.
  absl::Status Write(absl::string_view bytes);
  // Reads until the peer closes, however much that is. UNAVAILABLE, and nothing of what came, if that takes too long.
  absl::StatusOr<std::string> ReadAll();

 private:
  explicit SocketConnection(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_SOCKET_CONNECTION_H_
