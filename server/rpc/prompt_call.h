// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Unary calls that are answered at once: health checks, server information, channelz.

#ifndef LOSSD_SERVER_RPC_PROMPT_CALL_H_
#define LOSSD_SERVER_RPC_PROMPT_CALL_H_

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/rpc/rpc_call.h"

namespace lossd {

// A call of a unary method whose answer takes no time: read, answered and finished on the thread that its completion
// queue reports to, which serves all other connections as well. What was reserved for its message is kept until the
// answer has left. Those that are counted under a name (RpcMethodRules) are logged, too, with the bytes of both
// messages. Thread-safe as RpcCall is.
class PromptCall final : public RpcCall {
 public:
  // Takes the message, whose length the method's MessageBudget bounds, and makes the answer's; an error is what the
  // call ends with. Returns at once and does not throw: the thread has other connections to serve. Called by several
  // threads at once, by none with a lock held.
  using Answer = std::function<absl::StatusOr<grpc::ByteBuffer>(ReceivedMessage message)>;

  // `answer` is not owned and outlives the call.
  PromptCall(const RpcMethodRules& rules, CallQueue& queue, const Answer& answer)
      : RpcCall(rules, queue), name_(rules.name), answer_(answer) {}

 private:
  void OnEntered() override;
  void OnMessage(ReceivedMessage message, Reservation reservation) override;
  void OnEnded(const absl::Status& status, absl::Time now) override;

  const std::optional<RpcMethod> name_;
  const Answer& answer_;
  // Written and read by the queue's thread alone.
  int64_t request_bytes_ = 0;
  int64_t response_bytes_ = 0;
};

// A call of a method that there is not: answered UNIMPLEMENTED, with what there is and at most 256 bytes of what was
// asked for, escaped, before its message is read. Neither counted under a name nor logged.
class UnknownCall final : public RpcCall {
 public:
  // `known` names the services that there are, for people: "a, b".
  UnknownCall(const RpcMethodRules& rules, CallQueue& queue, std::string known)
      : RpcCall(rules, queue), known_(std::move(known)) {}

 private:
  void OnEntered() override;
  void OnMessage(ReceivedMessage, Reservation) override {}

  const std::string known_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_RPC_PROMPT_CALL_H_
