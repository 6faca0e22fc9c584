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
#include "server/rpc/rpc_call.h"
#include "server/server_parts.h"

namespace lossd {

// Serves health, reflection and channelz on --admin_listen, with a thread, a queue and connections of its own, so that
// load on the service cannot starve a probe. Thread-safe.
class AdminServer {
 public:
  // Starts serving. UNAVAILABLE as StartListening.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(const ServerParts& parts);

  ~AdminServer();

  const std::vector<std::string>& addresses() const { return listening_.addresses; }

 private:
  explicit AdminServer(const ServerParts& parts);
  absl::Status Listen();

  ServerParts parts_;
  OperatorCalls operators_;
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
