// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A unary computation over the wire.

#ifndef LOSSD_SERVER_COMPUTE_COMPUTE_CALL_H_
#define LOSSD_SERVER_COMPUTE_COMPUTE_CALL_H_

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "core/scheduling/backlog.h"
#include "core/scheduling/cancellation.h"
#include "server/compute/compute_pipeline.h"
#include "server/rpc/rpc_call.h"

namespace lossd {

// What computations need beside what every call does. Nothing is owned; everything outlives the calls.
struct ComputeParts {
  ComputePipeline& pipeline;
  Backlog& backlog;
  Admission& admission;
  CallGate& gate;
};

// One call of Compute: reads the one message, hands it to the pipeline, and answers. Each step is the completion of the
// one before it, so that nothing here needs a lock:
//
//               on the thread                                      counted by the backlog
//    OnEntered  of the queue                                       as being read
//    OnMessage  of the queue                                       from the pipeline's Start on as waiting,
//    OnAnswer   of the queue, of the pipeline or of the back end   to the outcome, which the pipeline notes
//    OnEnded    of the queue
//
// Only the client's cancellation comes at any time, and goes to the (thread-safe) Cancellation; the pipeline answers
// all the same, soon. A message that does not come, or is refused, leads from OnEntered to OnEnded.
class ComputeCall final : public RpcCall {
 public:
  ComputeCall(const RpcMethodRules& rules, CallQueue& queue, const ComputeParts& parts)
      : RpcCall(rules, queue), parts_(parts) {}

 private:
  void OnEntered() override;
  void OnMessage(ReceivedMessage bytes, Reservation reservation) override;
  void OnGone() override { cancellation_->Cancel(); }
  void OnEnded(const absl::Status& status, absl::Time now) override;

  void EndReading();
  void OnAnswer(ComputeAnswer answer);

  // Not owned; outlives this.
  const ComputeParts& parts_;
  const std::shared_ptr<Cancellation> cancellation_ = std::make_shared<Cancellation>();
  std::optional<Backlog::Place> reading_;  // While its message is being read.
  // Null while the pipeline has it. What the pipeline took down comes back with the answer.
  std::unique_ptr<CallRecord> record_ = std::make_unique<CallRecord>();
};

}  // namespace lossd

#endif  // LOSSD_SERVER_COMPUTE_COMPUTE_CALL_H_
