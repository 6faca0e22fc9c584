// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// How a Client connects and calls.

#ifndef LOSSD_CLIENT_CPP_CLIENT_OPTIONS_H_
#define LOSSD_CLIENT_CPP_CLIENT_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace lossd::client {

// TLS. All values are PEM texts, not paths.
struct TlsOptions {
  std::string root_certificates;  // Empty: the system's.
  std::string certificate_chain;  // With private_key, for servers that ask clients for a certificate; else empty.
  std::string private_key;
};

// The longest message where neither an option nor the server says otherwise. gRPC's own default, 4 MiB, is less than
// one gradient.
inline constexpr int64_t kDefaultMaxMessageBytes = int64_t{256} << 20;

// How a client behaves. The defaults suit a training loop beside a server of its own. A plain value: Connect checks it
// (Validate) and keeps a copy, so that later changes have no effect. Threads may share one that none of them changes.
// Durations are of real time.
struct ClientOptions {
  // Longest message sent or received, in bytes. Absent: the server's limit, which Connect asks for where it waits for a
  // connection, and GetServerInfo takes; until then, kDefaultMaxMessageBytes for what is sent.
  std::optional<int64_t> max_message_bytes;
  // Bytes of a stream's messages that wait for the transport to take them. Beyond it, ComputeStream::Send refuses a
  // message, unless none waits. More lets a sender run further ahead of a slow server, and holds its inputs meanwhile.
  int64_t max_queued_bytes = int64_t{256} << 20;
  // Longest time for a call, all attempts together; a request's own `timeout` wins.
  absl::Duration timeout = absl::InfiniteDuration();
  // How long Connect waits for a connection. Zero: it does not, and the first call connects.
  absl::Duration connect_timeout = absl::Seconds(10);
  // How long after its first failure a call that ends UNAVAILABLE (no server, a restart, a drain) is made again, within
  // its timeout. Zero: no call is made again, for whatever reason. Requests stay referenced until they are answered, so
  // that they can be sent again.
  absl::Duration patience = absl::Seconds(30);
  // Attempts, the first included, of a call that the server refuses for a limit, naming a delay (RESOURCE_EXHAUSTED),
  // and of opening a stream: 1 to 5, as gRPC allows.
  int max_attempts = 5;
  // Wait before the second attempt, give or take a fifth; doubles from then on up to max_backoff. A longer one that the
  // server names wins, with up to a fifth more.
  absl::Duration initial_backoff = absl::Milliseconds(100);
  absl::Duration max_backoff = absl::Seconds(2);
  // A ping after this much silence while calls are under way, and how long its answer may take. Finds dead peers;
  // below 10 s the server says goodbye to the client.
  absl::Duration keepalive_time = absl::Seconds(30);
  absl::Duration keepalive_timeout = absl::Seconds(20);
  // Connections, which calls take in turn. One carries a few GB/s; more help where single messages of many callers
  // would wait behind each other.
  int channels = 1;
  // Spread calls over all addresses of the target's name instead of taking the first that answers.
  bool round_robin = false;
  std::optional<TlsOptions> tls;  // Absent: no encryption.
  std::string auth_token;         // Sent as `authorization: Bearer ...` where not empty.

  // INVALID_ARGUMENT naming the first field that is out of its range. Whether certificates are any good shows when a
  // connection is made.
  absl::Status Validate() const;
};

}  // namespace lossd::client

#endif  // LOSSD_CLIENT_CPP_CLIENT_OPTIONS_H_
