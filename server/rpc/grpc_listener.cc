// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/grpc_listener.h"

#include <unistd.h>

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "core/status/status_macros.h"
#include "grpc/grpc.h"
#include "grpcpp/security/server_credentials.h"
#include "server/connections/accept_guard.h"
#include "server/security/tls_credentials.h"
#include "server/settings/listen_address.h"

namespace lossd {
namespace {

constexpr int kHandshakeTimeoutMs = 20'000;
constexpr int kMinPingIntervalMs = 10'000;
// Of what clients send. Each frame costs both ends the same, and each cuts a message into one more slice. Four times
// the default: short enough for small calls to get in between.
constexpr int kMaxFrameBytes = 64 << 10;

int Milliseconds(absl::Duration duration) {
  constexpr int64_t kMax = std::numeric_limits<int>::max();
  return static_cast<int>(std::min(absl::ToInt64Milliseconds(duration), kMax));  // kMax: gRPC's infinity.
}

absl::Status CannotBind(absl::string_view flag, absl::string_view address, absl::string_view reason) {
  return absl::UnavailableError(absl::StrCat("--", flag, ": cannot bind ", address, ": ", reason));
}

// Why `address` could not be bound, found out by trying.
std::string BindFailure(const ListenAddress& address) {
  if (address.is_unix()) return "the path cannot be created";
  const auto bound = BindTcp(address);
  if (!bound.ok()) return std::string(bound.status().message());
  close(bound->fd);
  return "it was in use a moment ago";
}

// gRPC binds a path whether or not another server has it.
absl::Status CheckPathsAreFree(absl::string_view flag, const std::vector<std::string>& addresses) {
  for (const std::string& text : addresses) {
    LOSSD_ASSIGN_OR_RETURN(const ListenAddress address, ParseListenAddress(text));
    if (!address.is_unix()) continue;
    const absl::Status free = CheckPathIsFree(address);
    if (!free.ok()) return CannotBind(flag, text, free.message());
  }
  return absl::OkStatus();
}

}  // namespace

void ConfigureConnections(const ServerOptions& options, grpc::ServerBuilder& builder) {
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(options.keepalive_time));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(options.keepalive_timeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kMinPingIntervalMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 2);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, static_cast<int>(options.max_concurrent_streams));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, Milliseconds(options.max_connection_age));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, Milliseconds(options.max_connection_age_grace));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, Milliseconds(options.max_connection_idle));
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, kMaxFrameBytes);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 1);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
}

absl::StatusOr<ListeningServer> StartListening(grpc::ServerBuilder& builder, absl::string_view flag,
                                               const std::vector<std::string>& addresses,
                                               const CurrentTlsIdentity* tls) {
  LOSSD_RETURN_IF_ERROR(CheckPathsAreFree(flag, addresses));
  // gRPC writes the ports through these pointers, also for unix addresses.
  std::vector<int> ports(addresses.size(), 0);
  ListeningServer result;
  const auto plain = grpc::InsecureServerCredentials();
  result.credentials = tls == nullptr ? plain : TlsListenerCredentials(*tls);
  for (size_t i = 0; i < addresses.size(); ++i) {
    builder.AddListeningPort(addresses[i], IsUnixAddress(addresses[i]) ? plain : result.credentials, &ports[i]);
  }
  GuardAccept();
  result.server = builder.BuildAndStart();
  if (result.server == nullptr) {
    const auto failed = std::find(ports.begin(), ports.end(), 0);
    const std::string& text = addresses[failed == ports.end() ? 0 : static_cast<size_t>(failed - ports.begin())];
    LOSSD_ASSIGN_OR_RETURN(const ListenAddress address, ParseListenAddress(text));
    return CannotBind(flag, text, BindFailure(address));
  }
  for (size_t i = 0; i < addresses.size(); ++i) {
    LOSSD_ASSIGN_OR_RETURN(ListenAddress address, ParseListenAddress(addresses[i]));
    if (!address.is_unix()) address.port = ports[i];
    result.addresses.push_back(ListenAddressText(address));
  }
  return result;
}

}  // namespace lossd
