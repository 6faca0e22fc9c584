// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The gRPC server for operators.

#ifndef LOSSD_SERVER_ADMIN_SERVER_H_
#define LOSSD_SERVER_ADMIN_SERVER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/connections/transfer_watch.h"
#include "server/ops/channelz_service.h"
#include "server/ops/health_service.h"
#include "server/ops/reflection_service.h"
#include "server/rpc/completion.h"
#include "server/rpc/grpc_listener.h"
#include "server/rpc/operator_calls.h"
#include "server/rpc/queue_pulse.h"
#include "server/rpc/rpc_call.h"
#include "server/server_parts.h"

namespace lossd {

// Serves health, reflection and channelz on --admin_listen, with a thread, a queue and connections of its own, so that
// load on the service cannot starve a probe. The thread looks at its queue fifty times a second instead of waiting in
// it (CompletionThreads), for which each step of a call may wait. Callers need no token; with --tls_cert_file they need
// TLS, but over unix sockets. Answers while LossServer drains, to its end. Thread-safe.
//
// Members stand in the order in which they need each other, as those of ServingServer.
class AdminServer {
 public:
  // That a connection may have at a time: who opens four times as many before they end is cut. Its thread lets them
  // wait, and gRPC holds 16 KB for each meanwhile.
  static constexpr int64_t kCalls = 16;

  // Starts serving. UNAVAILABLE, naming --admin_listen, as StartListening. What is behind `parts` outlives this.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(const ServerParts& parts);

  // Stops at once: calls in progress end, and their completions are waited for.
  ~AdminServer();

  // In use, with the ports that were picked. In the order of --admin_listen.
  const std::vector<std::string>& addresses() const { return listening_.addresses; }

 private:
  explicit AdminServer(const ServerParts& parts);
  // Call once, before all else.
  absl::Status Listen();

  ServerParts parts_;
  // Of this server alone: calls to the serving port take none of these places.
  OperatorCalls operators_;
  QueuePulse pulse_;
  TransferWatch watch_;
  CallReporter reporter_;
  const RpcEnvironment environment_;
  grpc::AsyncGenericService other_methods_;
  HealthService health_;
  ReflectionService reflection_;
  ChannelzService channelz_;
  const RpcMethodRules unknown_;
  ListeningServer listening_;
  std::unique_ptr<CompletionThreads> threads_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_ADMIN_SERVER_H_
