// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A unary computation over the wire.

#ifndef LOSSD_SERVER_COMPUTE_CALL_H_
#define LOSSD_SERVER_COMPUTE_CALL_H_

#include <atomic>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/scheduling/admission.h"
#include "core/scheduling/backlog.h"
#include "core/scheduling/cancellation.h"
#include "core/scheduling/clock.h"
#include "grpcpp/server_context.h"
#include "server/auth_tokens.h"
#include "server/call_gate.h"
#include "server/call_reporter.h"
#include "server/completion.h"
#include "server/compute_pipeline.h"
#include "server/options.h"
#include "server/raw_loss_service.h"
#include "server/transfer_watch.h"

namespace lossd {

// What every call needs. Nothing is owned; everything outlives the calls.
struct CallEnvironment {
  RawLossService& service;
  ComputePipeline& pipeline;
  Admission& admission;
  CallGate& gate;
  Backlog& backlog;
  TransferWatch& watch;
  CallReporter& reporter;
  Metrics& metrics;
  Clock& clock;
  const ServerOptions& options;
  const AuthTokens* tokens;  // Null: callers need none.
};

// The deadline of a call: that of its context, or the default one.
absl::Time CallDeadline(const grpc::ServerContext& context, absl::Time arrival, const ServerOptions& options);

// Why a call that gRPC ended did not get its answer: DEADLINE_EXCEEDED if the deadline of its context has passed, else
// CANCELLED.
absl::Status EndedEarly(const grpc::ServerContext& context, absl::Time arrival, absl::Time now);

// Tells the client when to come back, where the status says so. Before Finish.
void AddRetryPushback(const absl::Status& status, grpc::ServerContext& context);

// One call of Compute, from waiting for it to its answer's departure:
// 1. waits; once a call is there, another object waits for the next one;
// 2. is refused if its caller shows no token, the server drains, has too many calls, no bytes left, or no chance to
//    answer it in time, before its message is read;
// 3. reads the one message and hands it to the pipeline;
// 4. writes the answer and finishes, exactly once;
// 5. reports.
// A client that takes longer than --transfer_timeout for 3 or 4 is cut off. Each step is the completion of the one
// before it, so there is no lock; only the client's cancellation comes at any time, and goes to the (thread-safe)
// Cancellation. Kept alive by whatever is outstanding.
class ComputeCall : public std::enable_shared_from_this<ComputeCall> {
 public:
  static void Await(const CallEnvironment& environment, CallQueue& queue);

  ComputeCall(const CallEnvironment& environment, CallQueue& queue);

 private:
  void OnArrived(bool ok);
  absl::Status Enter();
  TransferWatch::Cut CutOff();
  void OnMessage(bool ok);
  void OnAnswer(ComputeAnswer answer);
  void Refuse(absl::Status status);
  void OnFinished(bool ok);

  const CallEnvironment& environment_;
  CallQueue& queue_;  // Not owned; outlives this.
  GatePass pass_;     // Given up last: nothing of the call is left then.
  grpc::ServerContext context_;
  RawStream stream_{&context_};
  void* done_tag_ = nullptr;  // Reported by the queue only if the call arrives.
  const std::shared_ptr<Cancellation> cancellation_ = std::make_shared<Cancellation>();
  Reservation reservation_;
  absl::Time deadline_;
  Backlog::Place reading_ = 0;  // While its message is being read.
  grpc::ByteBuffer message_;
  TransferWatch::Transfer transfer_;
  std::atomic<bool> cut_off_ = false;  // By the watch.
  std::unique_ptr<CallRecord> record_ = std::make_unique<CallRecord>();
};

}  // namespace lossd

#endif  // LOSSD_SERVER_COMPUTE_CALL_H_
