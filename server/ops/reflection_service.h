// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The standard reflection service, on completion queues.

#ifndef LOSSD_SERVER_OPS_REFLECTION_SERVICE_H_
#define LOSSD_SERVER_OPS_REFLECTION_SERVICE_H_

#include <string>
#include <vector>

#include "grpc/reflection/v1/reflection.pb.h"
#include "server/rpc/completion.h"
#include "server/rpc/raw_service.h"
#include "server/rpc/rpc_call.h"

namespace lossd {

// Answers one question out of the descriptors compiled into this program. `services` are what list_services lists; all
// else is answered of whatever is compiled in. What is not found, and a request without a question, is an error in the
// answer: the stream goes on. Files come with all that they import, however often they are asked for. Thread-safe.
grpc::reflection::v1::ServerReflectionResponse AnswerReflection(
    const grpc::reflection::v1::ServerReflectionRequest& request, const std::vector<std::string>& services);

// The service in the two versions that tools ask for, grpc.reflection.v1 and v1alpha, whose messages are the same. Used
// by one server. Thread-safe.
class ReflectionService {
 public:
  // `services` are the full names of what the server offers. `rules`: what holds for all calls of small messages
  // (OperatorCalls::Rules).
  ReflectionService(std::vector<std::string> services, const RpcMethodRules& rules);

  std::vector<grpc::Service*> services() { return {&v1_, &v1alpha_}; }

  // Waits for calls on a queue. Call after the server has started.
  void Await(CallQueue& queue);

 private:
  RpcMethodRules::Maker Maker();

  const std::vector<std::string> names_;
  RawService v1_;  // The one method under each version's name.
  RawService v1alpha_;
  const RpcMethodRules v1_rules_;
  const RpcMethodRules v1alpha_rules_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_OPS_REFLECTION_SERVICE_H_
