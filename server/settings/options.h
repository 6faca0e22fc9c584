// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What an operator can choose. The flags of flag_table.h fill it; tests fill it by hand.

#ifndef LOSSD_SERVER_SETTINGS_OPTIONS_H_
#define LOSSD_SERVER_SETTINGS_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace lossd {

// Settings of a server. Each field is the flag of its name; flag_table.cc says what it does, and which values it takes.
// A plain value without checks of its own: ValidateOptions has them. Servers take a copy when they start; nothing
// changes a setting of a running one.
struct ServerOptions {
  // Where it listens: host:port, port 0 for any free one, or unix:/path.
  std::vector<std::string> listen = {"0.0.0.0:50051"};
  std::vector<std::string> admin_listen = {"0.0.0.0:50052"};  // Empty: no admin server.
  std::vector<std::string> http_listen = {"0.0.0.0:9090"};    // Empty: no HTTP server. No unix: addresses.
  std::string port_file;                                      // Empty: none is written.

  // Files that are read again when they change; CredentialFiles holds what they say.
  std::string tls_cert_file;       // Empty: plain text.
  std::string tls_key_file;        // With tls_cert_file, else empty.
  std::string tls_client_ca_file;  // Empty: clients need no certificate.
  std::string auth_token_file;     // Empty: calls need no token.

  // Where and how it computes.
  std::string device = "auto";      // CUDA devices may be several, separated by commas.
  std::string libtorch;             // Empty: what lies beside the module for CUDA, or what that was built with.
  int64_t device_memory_bytes = 0;  // 0: four fifths of what is free.
  int64_t nvtx = 0;                 // 1: on.
  std::string compute_precision = "fp32";
  int64_t threads = 0;  // 0: as many as the cgroup's quota or the affinity mask allows.

  // What it takes in at most: calls beyond one of max_* are refused RESOURCE_EXHAUSTED, naming the flag. Bytes of
  // messages are those on the wire, those in flight as they lie in memory.
  int64_t max_message_bytes = int64_t{256} << 20;
  int64_t max_inflight_bytes = int64_t{2} << 30;
  int64_t transport_memory_bytes = 0;  // 0: 9/8 max_inflight_bytes + 64 MiB, at least 4 messages.
  int64_t max_concurrent_calls = 1024;
  double max_request_flops = 1e14;
  int64_t parameter_cache_bytes = int64_t{256} << 20;

  // How tasks gather, and how long a call may take.
  absl::Duration max_queue_delay = absl::ZeroDuration();
  int64_t max_batch_requests = 64;
  absl::Duration default_deadline = absl::ZeroDuration();  // 0: none.

  // How it stops: the delay, then up to the timeout.
  absl::Duration drain_delay = absl::ZeroDuration();
  absl::Duration shutdown_timeout = absl::Seconds(20);

  // Connections. An infinite duration: no bound.
  int64_t max_connections = 0;           // 0: as many as file descriptors allow.
  int64_t max_concurrent_streams = 256;  // Per connection.
  absl::Duration transfer_timeout = absl::Minutes(2);
  absl::Duration max_connection_age = absl::InfiniteDuration();
  absl::Duration max_connection_age_grace = absl::InfiniteDuration();
  absl::Duration max_connection_idle = absl::InfiniteDuration();
  absl::Duration keepalive_time = absl::Minutes(1);
  absl::Duration keepalive_timeout = absl::Seconds(20);

  // debug, info, warning or error; json or text.
  std::string log_level = "info";
  std::string log_format = "json";
};

// Checks every field, and of the files of tls_* and auth_token_file whether they are named together, not what they
// hold: CredentialFiles::Load reads them. Fails with INVALID_ARGUMENT, text "--flag: expected ..., got ...".
absl::Status ValidateOptions(const ServerOptions& options);

// Bytes that the transport may hold: as given, or else an eighth more than max_inflight_bytes and 64 MiB, at least four
// messages, so that our own budget, which refuses with a reason, runs out before gRPC's, which ends calls without one.
int64_t TransportMemoryBytes(const ServerOptions& options);

}  // namespace lossd

#endif  // LOSSD_SERVER_SETTINGS_OPTIONS_H_
