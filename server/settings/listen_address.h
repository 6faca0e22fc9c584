// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Addresses that a server listens on.

#ifndef LOSSD_SERVER_SETTINGS_LISTEN_ADDRESS_H_
#define LOSSD_SERVER_SETTINGS_LISTEN_ADDRESS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lossd {

// "127.0.0.1:50051", "[::1]:0", "localhost:50051", or "unix:/run/lossd.sock".
struct ListenAddress {
  std::string host;       // Without brackets; empty for a unix address.
  int port = 0;           // 0: any free one.
  std::string unix_path;  // Empty for host and port.

  bool is_unix() const { return !unix_path.empty(); }
};

// Reads an address. Fails with INVALID_ARGUMENT, text "expected host:port or unix:/path, got ...".
absl::StatusOr<ListenAddress> ParseListenAddress(absl::string_view text);

// Whether `text`, an address, is that of a unix socket.
bool IsUnixAddress(absl::string_view text);

// Writes it the way ParseListenAddress reads it.
std::string ListenAddressText(const ListenAddress& address);

// OK if nobody answers at the path of `address`, which is a unix one: what a server that was killed left there may be
// replaced. UNAVAILABLE otherwise, since a path can be taken from a server that lives without its noticing.
absl::Status CheckPathIsFree(const ListenAddress& address);

// A listening TCP socket.
struct BoundSocket {
  int fd = -1;  // Owned by the caller.
  int port = 0;
};

// Binds a TCP socket to `address` (not a unix one) and listens, without SO_REUSEPORT, so that a second server on the
// same port fails. UNAVAILABLE with the system's reason if it cannot be bound.
absl::StatusOr<BoundSocket> BindTcp(const ListenAddress& address);

}  // namespace lossd

#endif  // LOSSD_SERVER_SETTINGS_LISTEN_ADDRESS_H_
