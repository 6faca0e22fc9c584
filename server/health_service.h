// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The standard health service, on completion queues.

#ifndef LOSSD_SERVER_HEALTH_SERVICE_H_
#define LOSSD_SERVER_HEALTH_SERVICE_H_

#include "server/completion.h"
#include "server/health_states.h"
#include "server/prompt_call.h"
#include "server/raw_service.h"

namespace lossd {

// Answers Check and Watch from `states`. Used by one server. Thread-safe.
class HealthService {
 public:
  // `states` is not owned and outlives this.
  explicit HealthService(HealthStates& states);

  grpc::Service* service() { return &service_; }

  // Waits for calls on a queue. Call after the server has started.
  void Await(CallQueue& queue);

 private:
  HealthStates& states_;
  RawService service_;
  const PromptCall::Method check_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_HEALTH_SERVICE_H_
