// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The standard health service, on completion queues.

#ifndef LOSSD_SERVER_HEALTH_SERVICE_H_
#define LOSSD_SERVER_HEALTH_SERVICE_H_

#include "grpc/health/v1/health.grpc.pb.h"
#include "server/completion.h"
#include "server/health_states.h"
#include "server/prompt_call.h"

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
  using CheckCall = PromptCall<grpc::health::v1::HealthCheckRequest, grpc::health::v1::HealthCheckResponse>;

  HealthStates& states_;
  grpc::health::v1::Health::AsyncService service_;
  const CheckCall::Method check_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_HEALTH_SERVICE_H_
