// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The standard health service, on completion queues.

#ifndef LOSSD_SERVER_OPS_HEALTH_SERVICE_H_
#define LOSSD_SERVER_OPS_HEALTH_SERVICE_H_

#include "server/ops/health_states.h"
#include "server/rpc/completion.h"
#include "server/rpc/prompt_call.h"
#include "server/rpc/raw_service.h"
#include "server/rpc/rpc_call.h"

namespace lossd {

// Answers Check and Watch from `states`. A service that is unknown is NOT_FOUND to Check, and SERVICE_UNKNOWN to Watch,
// which goes on. Watch writes the state it finds, then each that differs from the one written last: a client that reads
// slowly misses what comes between, never the latest. Used by one server. Thread-safe.
class HealthService {
 public:
  // `states` is not owned and outlives this. `check`, `watch`: what holds for their calls; methods are added.
  HealthService(HealthStates& states, const RpcMethodRules& check, const RpcMethodRules& watch);

  grpc::Service* service() { return &service_; }

  // Waits for calls on a queue, which outlives them as this does. Call after the server has started.
  void Await(CallQueue& queue);

 private:
  HealthStates& states_;
  RawService service_;
  // Rules refer to what stands before them, and calls to rules.
  const PromptCall::Answer answer_check_;
  const RpcMethodRules check_;
  const RpcMethodRules watch_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_OPS_HEALTH_SERVICE_H_
