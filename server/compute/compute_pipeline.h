// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The way of one computation from the bytes of a request to the bytes of its answer.

#ifndef LOSSD_SERVER_COMPUTE_COMPUTE_PIPELINE_H_
#define LOSSD_SERVER_COMPUTE_COMPUTE_PIPELINE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/loss_backend.h"
#include "core/scheduling/admission.h"
#include "core/scheduling/backlog.h"
#include "core/scheduling/cancellation.h"
#include "core/scheduling/clock.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/slice.h"
#include "proto/wire/request_form.h"
#include "server/compute/plan_cache.h"
#include "server/metrics/metrics.h"
#include "server/process/thread_pool.h"
#include "server/rpc/call_reporter.h"
#include "server/rpc/received_message.h"

namespace lossd {

// A message to be written. Slices of payloads are the result's buffers themselves, kept until gRPC lets go of them.
using MessageSlices = std::vector<grpc::Slice>;
// Shares the slices; copies no bytes.
grpc::ByteBuffer ToByteBuffer(const MessageSlices& slices);

// A request as it came. The pipeline owns it from Start on.
struct ComputeMessage {
  ReceivedMessage bytes;
  absl::Time arrival;
  absl::Time deadline = absl::InfiniteFuture();
  std::shared_ptr<Cancellation> cancellation;
  // Of one call, and of what was set aside for the message; made what the plan needs. Of no call where that of the
  // stream, which has this one message, counts.
  Reservation reservation;
  std::unique_ptr<CallRecord> record;  // Method, peer, arrival; the rest is filled here.
  // If not OK: the answer, as soon as the request_id is known. `reservation` is empty then.
  absl::Status refusal;
  // Called once, as soon as the request_id is known, before anything of size is done; an error ends the computation.
  // Not called, and the answer without request_id, where the message is malformed; nor where it is refused.
  absl::AnyInvocable<absl::Status(const std::string& request_id) &&> on_request_id;
};

// Its answer. `record->status` says whether it is a result; it is never null.
struct ComputeAnswer {
  MessageSlices slices;     // The response; only of a result.
  Reservation reservation;  // To be kept until the response has left.
  std::unique_ptr<CallRecord> record;
};

struct PipelineOptions {
  // Largest request and response.
  int64_t max_message_bytes = int64_t{256} << 20;
  // Threads for large messages, at least 1.
  int copy_threads = 1;
};

// Decodes, plans, admits, copies in, submits, encodes. Thread-safe.
//
//    thread of Start                copier ("lossd-copy")      thread of the back end
//
//    reserve the message's bytes
//    header long? ----------------> |
//    decode, plan or find the plan  | the same
//    reserve the plan's bytes       |
//    above kMaxBytesAtOnce? ------> |
//    copy payloads in, let go of    | the same
//      the transport's memory       |
//    submit ----------------------- | ----------------------> compute
//                                                             encode, answer
//
// Each step may end the computation; then it is answered on the thread that it is on. A small one may be computed
// within Start (BatchSchedulerOptions::max_work_at_once). Answers that are none:
//   INVALID_ARGUMENT         the request is malformed, or asks for what there is not; by the field
//   RESOURCE_EXHAUSTED       a limit: message_bytes of request or response, inflight_bytes, queue, flops; or, without
//                            a limit, the system has no memory
//   CANCELLED, DEADLINE_EXCEEDED    before, during or after the computation
//   INTERNAL                 a step threw
//   and what the back end says (LossBackend::Prepare, ComputeTask::done).
class ComputePipeline {
 public:
  // Called once, on the thread of Start, of this or of the backend, with no lock held. Must not block.
  using AnswerCallback = absl::AnyInvocable<void(ComputeAnswer) &&>;

  // None is owned; all outlive this and every computation. The destructor runs what its threads have to do yet;
  // nothing of this may be at the back end any more, which would answer into what is gone.
  ComputePipeline(LossBackend& backend, Metrics& metrics, Backlog& backlog, Clock& clock,
                  const PipelineOptions& options);

  // A message of more bytes is copied in on a thread of its own, so that the thread of Start, on which all connections
  // depend, does not spend milliseconds with it. One below takes no longer than waking that thread. One that takes long
  // to decode (wire::HasLongHeader), of whatever size and refused or not, is decoded there, too.
  static constexpr int64_t kMaxBytesAtOnce = int64_t{2} << 20;

  // Forms of requests that are remembered; each is a few kilobytes.
  static constexpr size_t kMaxPlans = 128;

  // Starts a computation. Never blocks, never throws, but takes its time: up to kMaxBytesAtOnce are copied here.
  void Start(ComputeMessage message, AnswerCallback on_answer);

 private:
  struct Computation;

  // `beside`: on a copier.
  void Begin(std::unique_ptr<Computation> computation, bool beside);
  void CopyIn(std::unique_ptr<Computation> computation);
  absl::Status Decode(Computation& computation);
  absl::Status DecodeAnew(Computation& computation);
  static absl::Status TellRequestId(std::string request_id, ComputeMessage& message);
  absl::Status Admit(Computation& computation);
  absl::Status CheckNotCancelled(const ComputeMessage& message) const;
  absl::Status TakeIn(ComputeMessage& message) const;
  absl::Status CheckResponseBytes(int64_t bytes) const;
  void Gather(Computation& computation);
  void Submit(std::unique_ptr<Computation> computation);
  absl::Status Encode(Computation& computation, ComputeResult result);
  void CountNonfinite(const Computation& computation, const ComputeResult& result);
  void NoteOutcome(const Computation& computation, const absl::Status& status);
  void Answer(std::unique_ptr<Computation> computation, absl::Status status);

  LossBackend& backend_;
  Metrics& metrics_;
  Backlog& backlog_;
  Clock& clock_;
  const int64_t max_message_bytes_;
  PlanCache plans_{kMaxPlans};
  ThreadPool copiers_;  // Last: its threads use all of the above.
};

// An error as a message of a stream: a ComputeResponse with the record's request_id and status.
grpc::Slice ErrorResponse(const CallRecord& record);

}  // namespace lossd

#endif  // LOSSD_SERVER_COMPUTE_COMPUTE_PIPELINE_H_
