// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The standard channelz service, on completion queues.

#ifndef LOSSD_SERVER_OPS_CHANNELZ_SERVICE_H_
#define LOSSD_SERVER_OPS_CHANNELZ_SERVICE_H_

#include <vector>

#include "server/rpc/completion.h"
#include "server/rpc/prompt_call.h"
#include "server/rpc/raw_service.h"
#include "server/rpc/rpc_call.h"

namespace lossd {

// grpc.channelz.v1.Channelz: what gRPC knows of the channels, servers and sockets of this process. gRPC's own service
// has threads of its own, and its calls pass no gate; this one answers from the same source. Used by one server.
// Thread-safe.
class ChannelzService {
 public:
  // `rules`: what holds for all calls of small messages (OperatorCalls::Rules); methods are added.
  explicit ChannelzService(const RpcMethodRules& rules);

  grpc::Service* service() { return &service_; }

  // Waits for calls on a queue, which outlives them as this does. Call after the server has started. An id that is none
  // ends a call NOT_FOUND; a build without gRPC's channelz messages answers UNIMPLEMENTED.
  void Await(CallQueue& queue);

 private:
  RawService service_;
  std::vector<PromptCall::Answer> answers_;  // By method; does not move once rules_ has been made.
  std::vector<RpcMethodRules> rules_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_OPS_CHANNELZ_SERVICE_H_
