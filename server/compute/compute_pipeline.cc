// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/compute/compute_pipeline.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"
#include "proto/wire/payload.h"
#include "proto/wire/request_decoder.h"
#include "proto/wire/request_form.h"
#include "proto/wire/response_encoder.h"
#include "proto/wire/text_checks.h"
#include "server/compute/request_conversion.h"
#include "server/rpc/call_deadline.h"
#include "server/rpc/rpc_status.h"

namespace lossd {
namespace {

void SetDuration(absl::Duration duration, google::protobuf::Duration* proto) {
  const int64_t nanoseconds = std::max<int64_t>(0, absl::ToInt64Nanoseconds(duration));
  proto->set_seconds(nanoseconds / 1'000'000'000);
  proto->set_nanos(static_cast<int32_t>(nanoseconds % 1'000'000'000));
}

absl::Status Expired(absl::Duration spent) {
  return absl::DeadlineExceededError(absl::StrCat("the deadline passed ", absl::FormatDuration(spent),
                                                  " after arrival, before the computation began"));
}

// Of all that a response to `plan` will hold, but for what names and frames it.
int64_t ResponseBytes(const Plan& plan) {
  int64_t bytes = 0;
  const auto add = [&bytes](const TensorSpec& spec) {
    if (__builtin_add_overflow(bytes, ByteSize(spec), &bytes)) bytes = INT64_MAX;
  };
  for (const TensorSpec& output : plan.detail->outputs) add(output);
  for (const GradientPlan& gradient : plan.gradients) add(gradient.spec);
  return bytes;
}

absl::Status Mapped(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return absl::ResourceExhaustedError("the server has no memory for this request");
  }
  return absl::InternalError(absl::StrCat("unexpected: ", error.what()));
}

absl::Status Catching(absl::FunctionRef<absl::Status()> step) {
  try {
    return step();
  } catch (const std::exception& error) {
    return Mapped(error);
  }
}

}  // namespace

// What is known of a computation on its way.
struct ComputePipeline::Computation {
  ComputeMessage message;
  Backlog::Place place = 0;
  AnswerCallback on_answer;
  std::optional<wire::RequestForm> form;  // Until it has been looked up.
  std::vector<wire::PayloadRange> payloads;
  std::shared_ptr<const PlannedRequest> planned;
  std::vector<Tensor> inputs;
  std::vector<InputSweep> inputs_swept;
  int64_t nonfinite_inputs = 0;
  MessageSlices response;
};

grpc::ByteBuffer ToByteBuffer(const MessageSlices& slices) { return {slices.data(), slices.size()}; }

ComputePipeline::ComputePipeline(LossBackend& backend, Metrics& metrics, Backlog& backlog, Clock& clock,
                                 const PipelineOptions& options)
    : backend_(backend),
      metrics_(metrics),
      backlog_(backlog),
      clock_(clock),
      max_message_bytes_(options.max_message_bytes),
      copiers_(options.copy_threads, "lossd-copy") {}

void ComputePipeline::Start(ComputeMessage message, AnswerCallback on_answer) {
  auto computation = std::make_unique<Computation>();
  computation->message = std::move(message);
  computation->on_answer = std::move(on_answer);
  ComputeMessage& started = computation->message;
  started.record->request_bytes = started.bytes.bytes();
  computation->place = backlog_.Enter(started.deadline, started.arrival, clock_.TimeNow());
  if (started.refusal.ok()) started.refusal = TakeIn(started);
  const absl::Status status = Catching([&] {
    computation->form = wire::ReadForm(started.bytes.slices());
    return absl::OkStatus();
  });
  if (!status.ok()) return Answer(std::move(computation), status);
  if (computation->form.has_value() || !wire::HasLongHeader(started.bytes.slices())) {
    return Begin(std::move(computation), /*beside=*/false);
  }
  copiers_.Run([this, computation = std::move(computation)]() mutable { Begin(std::move(computation), true); });
}

void ComputePipeline::Begin(std::unique_ptr<Computation> computation, bool beside) {
  const absl::Status status = Catching([&] {
    if (computation->message.refusal.ok()) LOSSD_RETURN_IF_ERROR(CheckNotCancelled(computation->message));
    LOSSD_RETURN_IF_ERROR(Decode(*computation));
    return Admit(*computation);
  });
  if (!status.ok()) return Answer(std::move(computation), status);
  if (beside || computation->message.bytes.bytes() <= kMaxBytesAtOnce) return CopyIn(std::move(computation));
  copiers_.Run([this, computation = std::move(computation)]() mutable { CopyIn(std::move(computation)); });
}

void ComputePipeline::CopyIn(std::unique_ptr<Computation> computation) {
  const absl::Status status = Catching([&] {
    LOSSD_RETURN_IF_ERROR(CheckNotCancelled(computation->message));
    Gather(*computation);
    return absl::OkStatus();
  });
  if (!status.ok()) return Answer(std::move(computation), status);
  Submit(std::move(computation));
}

absl::Status ComputePipeline::Decode(Computation& computation) {
  ComputeMessage& message = computation.message;
  std::optional<wire::RequestForm>& form = computation.form;
  if (form.has_value()) computation.planned = plans_.Find(form->bytes);
  if (computation.planned == nullptr) return DecodeAnew(computation);
  computation.payloads = std::move(form->payloads);
  message.record->inputs = static_cast<int64_t>(computation.payloads.size());
  message.record->loss = computation.planned->plan->request.loss.index();
  return TellRequestId(std::move(form->request_id), message);
}

// Tells whoever asked. `message.record` keeps it.
absl::Status ComputePipeline::TellRequestId(std::string request_id, ComputeMessage& message) {
  message.record->request_id = std::move(request_id);
  LOSSD_RETURN_IF_ERROR(message.refusal);
  if (!message.on_request_id) return absl::OkStatus();
  return std::move(message.on_request_id)(message.record->request_id);
}

// A request whose form is not known, nor perhaps worth knowing.
absl::Status ComputePipeline::DecodeAnew(Computation& computation) {
  ComputeMessage& message = computation.message;
  std::optional<wire::RequestForm>& form = computation.form;
  if (!message.refusal.ok()) {
    return TellRequestId(form.has_value() ? std::move(form->request_id) : wire::DecodeRequestId(message.bytes.slices()),
                         message);
  }
  absl::StatusOr<wire::DecodedRequest> request = wire::DecodeRequest(message.bytes.slices());
  if (wire::IsMalformed(request.status())) return request.status();  // What could be read of it is no request_id.
  LOSSD_RETURN_IF_ERROR(TellRequestId(
      request.ok() ? request->header.request_id() : wire::DecodeRequestId(message.bytes.slices()), message));
  LOSSD_RETURN_IF_ERROR(request.status());
  computation.payloads = std::move(request->payloads);
  PlannedRequest planned;
  planned.timing = request->header.options().timing();
  LOSSD_ASSIGN_OR_RETURN(planned.timeout, RequestTimeout(request->header));
  message.record->inputs = static_cast<int64_t>(request->specs.size());
  LOSSD_ASSIGN_OR_RETURN(ComputeSpec spec, ToComputeSpec(request->header, std::move(request->specs)));
  message.record->loss = spec.loss.index();
  LOSSD_ASSIGN_OR_RETURN(planned.plan, backend_.Prepare(std::move(spec)));
  LOSSD_RETURN_IF_ERROR(CheckResponseBytes(ResponseBytes(*planned.plan)));
  computation.planned = std::make_shared<const PlannedRequest>(std::move(planned));
  if (form.has_value()) plans_.Keep(std::move(form->bytes), computation.planned);
  return absl::OkStatus();
}

// Sees to it that the message itself, which may wait for a thread to copy it, is within the budget.
absl::Status ComputePipeline::TakeIn(ComputeMessage& message) const {
  const int64_t bytes = message.bytes.bytes();
  if (bytes <= max_message_bytes_) return message.reservation.Resize(bytes);
  return LimitExceeded({RejectReason::kMessageBytes, "--max_message_bytes",
                        absl::StrCat("expected a request of at most ", max_message_bytes_, " bytes, got ", bytes),
                        std::nullopt});
}

absl::Status ComputePipeline::Admit(Computation& computation) {
  ComputeMessage& message = computation.message;
  const PlannedRequest& planned = *computation.planned;
  message.deadline = std::min(message.deadline, message.arrival + planned.timeout);
  LOSSD_RETURN_IF_ERROR(CheckNotCancelled(message));
  LOSSD_RETURN_IF_ERROR(message.reservation.Resize(planned.plan->bytes));
  const absl::Time now = clock_.TimeNow();
  if (now >= message.deadline) return Expired(now - message.arrival);
  return backlog_.CheckAfterReading(message.deadline, now);
}

absl::Status ComputePipeline::CheckNotCancelled(const ComputeMessage& message) const {
  if (!message.cancellation->cancelled()) return absl::OkStatus();
  return absl::CancelledError(absl::StrCat("cancelled ", absl::FormatDuration(clock_.TimeNow() - message.arrival),
                                           " after arrival, before the computation began"));
}

absl::Status ComputePipeline::CheckResponseBytes(int64_t bytes) const {
  if (bytes <= max_message_bytes_) return absl::OkStatus();
  return LimitExceeded({RejectReason::kMessageBytes, "--max_message_bytes",
                        absl::StrCat("expected a response of at most ", max_message_bytes_, " bytes, got ", bytes,
                                     "; ask for less in one request, fewer gradients, or a narrower gradients.dtype"),
                        std::nullopt});
}

// Copies all payloads into one buffer, once, and lets go of the transport's memory.
void ComputePipeline::Gather(Computation& computation) {
  const std::shared_ptr<const Plan>& plan = computation.planned->plan;
  const std::vector<TensorSpec>& specs = plan->inputs;
  int64_t bytes = 0;
  for (const TensorSpec& spec : specs) bytes += AlignedSize(ByteSize(spec));
  const Buffer arena = backend_.pool().Allocate(static_cast<size_t>(bytes));
  computation.inputs.reserve(specs.size());
  computation.inputs_swept.reserve(specs.size());
  size_t offset = 0;
  for (size_t i = 0; i < specs.size(); ++i) {
    computation.inputs.emplace_back(std::shared_ptr<const TensorSpec>(plan, &specs[i]), arena, offset);
    computation.inputs_swept.push_back(wire::GatherPayload(
        computation.message.bytes.slices(), computation.payloads[i], plan->request.inputs[i].dtype,
        arena.data() + offset, plan->detail->uses_squares_of_inputs, specs[i].dtype != plan->request.inputs[i].dtype));
    if (!computation.inputs_swept.back().finite) ++computation.nonfinite_inputs;
    offset += static_cast<size_t>(AlignedSize(ByteSize(specs[i])));
  }
  metrics_.OnCopiesIn(static_cast<int64_t>(specs.size()));
  computation.message.bytes.Clear();
}

void ComputePipeline::Submit(std::unique_ptr<Computation> computation) {
  CallRecord& record = *computation->message.record;
  record.decode = clock_.TimeNow() - record.arrival;
  record.accepted = true;
  ComputeTask task;
  task.plan = computation->planned->plan;
  task.inputs = std::move(computation->inputs);
  task.inputs_swept = std::move(computation->inputs_swept);
  task.deadline = computation->message.deadline;
  task.cancellation = computation->message.cancellation;
  task.done = [this, computation = std::move(computation)](absl::StatusOr<ComputeResult> result) mutable {
    absl::Status status =
        result.ok() ? Catching([&] { return Encode(*computation, *std::move(result)); }) : result.status();
    Answer(std::move(computation), std::move(status));
  };
  backend_.Submit(std::move(task));
}

// The answer, or, of a result that comes too late, why there is none.
absl::Status ComputePipeline::Encode(Computation& computation, ComputeResult result) {
  const absl::Time start = clock_.TimeNow();
  CallRecord& record = *computation.message.record;
  record.queue = result.queue;
  record.compute = result.compute;
  record.batch_requests = result.batch_requests;
  record.device = result.device;
  if (start > computation.message.deadline) {
    return absl::DeadlineExceededError(absl::StrCat("deadline exceeded during the computation after ",
                                                    absl::FormatDuration(result.queue), " in the queue"));
  }
  metrics_.OnResult(*record.loss, result.objective, result.gradient_norm);
  CountNonfinite(computation, result);
  v1::ComputeResponse header;
  header.set_request_id(record.request_id);
  header.set_objective(result.objective);
  header.mutable_nonfinite()->Assign(result.nonfinite.begin(), result.nonfinite.end());
  if (computation.planned->timing) {
    v1::Timing* timing = header.mutable_timing();
    SetDuration(*record.decode, timing->mutable_decode());
    SetDuration(result.queue, timing->mutable_queue());
    SetDuration(result.compute, timing->mutable_compute());
    SetDuration(clock_.TimeNow() - start, timing->mutable_encode());
    timing->set_batch_requests(result.batch_requests);
  }
  wire::EncodedMessage message = wire::EncodeResponse(header, result.outputs, result.gradients);
  computation.response = std::move(message.slices);
  record.response_bytes = message.bytes;
  record.encode = clock_.TimeNow() - start;
  metrics_.OnCopiesOut(message.payload_copies);
  return absl::OkStatus();
}

// `result.nonfinite` names inputs, then outputs, then gradients; gradients have names of inputs.
void ComputePipeline::CountNonfinite(const Computation& computation, const ComputeResult& result) {
  if (result.nonfinite.empty()) return;
  const auto total = static_cast<int64_t>(result.nonfinite.size());
  const int64_t inputs = std::min(computation.nonfinite_inputs, total);
  int64_t outputs = 0;
  for (auto name = result.nonfinite.begin() + inputs; name != result.nonfinite.end(); ++name) {
    for (const TensorSpec& output : computation.planned->plan->detail->outputs) outputs += output.name == *name ? 1 : 0;
  }
  const size_t loss = *computation.message.record->loss;
  metrics_.OnNonfinite(loss, NonfinitePlace::kInput, inputs);
  metrics_.OnNonfinite(loss, NonfinitePlace::kOutput, outputs);
  metrics_.OnNonfinite(loss, NonfinitePlace::kGradient, total - inputs - outputs);
}

void ComputePipeline::NoteOutcome(const Computation& computation, const absl::Status& status) {
  const absl::Time now = clock_.TimeNow();
  auto outcome = Backlog::Outcome::kDropped;
  const bool computed = computation.message.record->compute.has_value();
  const bool expired = status.code() == absl::StatusCode::kDeadlineExceeded && !GetLimitViolation(status).has_value();
  if (status.ok() || (expired && computed)) {
    outcome = now <= computation.message.deadline ? Backlog::Outcome::kInTime : Backlog::Outcome::kTooLate;
  } else if (expired) {
    outcome = Backlog::Outcome::kExpired;
  } else if (status.code() == absl::StatusCode::kCancelled) {
    outcome = Backlog::Outcome::kCancelled;
  }
  backlog_.Leave(computation.place, outcome, now);
}

void ComputePipeline::Answer(std::unique_ptr<Computation> computation, absl::Status status) {
  ComputeMessage& message = computation->message;
  if (status.ok()) status = CheckResponseBytes(message.record->response_bytes);
  if (status.code() == absl::StatusCode::kCancelled &&
      HasExpired(message.arrival, message.deadline, clock_.TimeNow())) {
    status = absl::DeadlineExceededError(
        absl::StrCat("deadline exceeded", absl::StripPrefix(status.message(), "cancelled")));
  }
  NoteOutcome(*computation, status);
  ComputeAnswer answer;
  if (status.ok()) answer.slices = std::move(computation->response);
  answer.reservation = std::move(message.reservation);
  answer.record = std::move(message.record);
  answer.record->status = std::move(status);
  AnswerCallback on_answer = std::move(computation->on_answer);
  computation.reset();
  std::move(on_answer)(std::move(answer));
}

grpc::Slice ErrorResponse(const CallRecord& record) {
  v1::ComputeResponse response;
  response.set_request_id(record.request_id);
  *response.mutable_status() = ToRpcStatus(record.status, record.request_id);
  return grpc::Slice(response.SerializeAsString());
}

}  // namespace lossd
