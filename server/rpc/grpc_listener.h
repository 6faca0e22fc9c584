// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What gRPC servers of ours have in common: how they bind, and what they tell of themselves. Both functions belong to
// the thread that builds the server; what they return is as thread-safe as gRPC's.

#ifndef LOSSD_SERVER_RPC_GRPC_LISTENER_H_
#define LOSSD_SERVER_RPC_GRPC_LISTENER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "server/security/tls_identity.h"
#include "server/settings/options.h"

namespace lossd {

// A server that listens. Who owns it shuts the server down before the completion queues that the builder gave.
struct ListeningServer {
  std::shared_ptr<grpc::ServerCredentials> credentials;  // What the server's listeners look at.
  std::unique_ptr<grpc::Server> server;
  std::vector<std::string> addresses;  // In use, with their ports.
};

// Sets what holds for every port of ours: no SO_REUSEPORT, so that a second server on a port fails; keepalive that
// finds dead clients and bears theirs, as often as every 10 s; 20 s for a handshake; ages of connections and numbers of
// their calls; frames of 64 KiB; channelz; no compression; and no windows that widen by themselves, so that what is
// refused before its message is read costs 64 KB of it at most. Before StartListening; bounds on messages and memory
// are the caller's to set.
void ConfigureConnections(const ServerOptions& options, grpc::ServerBuilder& builder);

// Adds the addresses, which come from `flag`, and starts the server. Listeners of TCP show `tls`, which is not owned
// and outlives the server; where that is null they speak plain text, as those of unix sockets always do. UNAVAILABLE,
// naming flag, address and the system's reason, if an address cannot be bound; INVALID_ARGUMENT if one is none. Nothing
// listens then, and `builder` is of no more use.
// Calls are taken from the moment this returns, though they wait until somebody asks the queues for them. From the
// first call on, the process keeps a file descriptor aside (GuardAccept).
absl::StatusOr<ListeningServer> StartListening(grpc::ServerBuilder& builder, absl::string_view flag,
                                               const std::vector<std::string>& addresses,
                                               const CurrentTlsIdentity* tls = nullptr);

}  // namespace lossd

#endif  // LOSSD_SERVER_RPC_GRPC_LISTENER_H_
