// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/compute_call.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"
#include "server/caller_check.h"
#include "server/rpc_status.h"

namespace lossd {

absl::Time CallDeadline(const grpc::ServerContext& context, absl::Time arrival, const ServerOptions& options) {
  const auto deadline = context.deadline();
  if (deadline != std::chrono::system_clock::time_point::max()) return absl::FromChrono(deadline);
  return options.default_deadline > absl::ZeroDuration() ? arrival + options.default_deadline : absl::InfiniteFuture();
}

absl::Status EndedEarly(const grpc::ServerContext& context, absl::Time arrival, absl::Time now) {
  const auto deadline = context.deadline();
  if (deadline != std::chrono::system_clock::time_point::max() &&
      HasExpired(arrival, absl::FromChrono(deadline), now)) {
    return absl::DeadlineExceededError("deadline exceeded before the answer left");
  }
  return absl::CancelledError("the call ended before its answer left");
}

void AddRetryPushback(const absl::Status& status, grpc::ServerContext& context) {
  const auto delay = RetryDelay(status);
  if (!delay.has_value()) return;
  context.AddTrailingMetadata("grpc-retry-pushback-ms", absl::StrCat(absl::ToInt64Milliseconds(*delay)));
}

ComputeCall::ComputeCall(const CallEnvironment& environment, CallQueue& queue)
    : environment_(environment), queue_(queue) {}

void ComputeCall::Await(const CallEnvironment& environment, CallQueue& queue) {
  const auto call = std::make_shared<ComputeCall>(environment, queue);
  call->done_tag_ = queue.Tag([call](bool) {
    if (call->context_.IsCancelled()) call->cancellation_->Cancel();
  });
  call->context_.AsyncNotifyWhenDone(call->done_tag_);
  environment.service.RequestCompute(&call->context_, &call->stream_, queue.get(),
                                     queue.Tag([call](bool ok) { call->OnArrived(ok); }));
}

void ComputeCall::OnArrived(bool ok) {
  if (!ok) return queue_.Drop(std::exchange(done_tag_, nullptr));
  Await(environment_, queue_);
  record_->arrival = environment_.clock.TimeNow();
  record_->peer = context_.peer();
  deadline_ = CallDeadline(context_, record_->arrival, environment_.options);
  environment_.metrics.OnCallStarted(RpcMethod::kCompute);
  transfer_ = environment_.watch.Watch(CutOff());
  absl::Status status = Enter();
  if (!status.ok()) return Refuse(std::move(status));
  transfer_.Begin();
  reading_ = environment_.backlog.BeginReading(record_->arrival);
  stream_.Read(&message_, queue_.Tag([self = shared_from_this()](bool read) { self->OnMessage(read); }));
}

absl::Status ComputeCall::Enter() {
  LOSSD_RETURN_IF_ERROR(CheckCaller(environment_.tokens, context_));
  LOSSD_ASSIGN_OR_RETURN(pass_, environment_.gate.Enter(record_->peer));
  LOSSD_RETURN_IF_ERROR(environment_.backlog.CheckBeforeReading(deadline_, record_->arrival));
  LOSSD_ASSIGN_OR_RETURN(reservation_, environment_.admission.ReserveUnread());
  return absl::OkStatus();
}

TransferWatch::Cut ComputeCall::CutOff() {
  return [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    self->cut_off_ = true;
    self->context_.TryCancel();
  };
}

void ComputeCall::OnMessage(bool ok) {
  transfer_.End();
  environment_.backlog.EndReading(reading_);
  if (!ok) return Refuse(absl::InvalidArgumentError("expected one message, got none"));
  ComputeMessage message;
  message.bytes = ReceivedMessage(message_);
  message.arrival = record_->arrival;
  message.deadline = deadline_;
  message.cancellation = cancellation_;
  message.reservation = std::move(reservation_);
  message.record = std::move(record_);
  environment_.pipeline.Start(std::move(message),
                              [self = shared_from_this()](ComputeAnswer answer) { self->OnAnswer(std::move(answer)); });
}

void ComputeCall::OnAnswer(ComputeAnswer answer) {
  reservation_ = std::move(answer.reservation);
  record_ = std::move(answer.record);
  if (!record_->status.ok()) return Refuse(std::move(record_->status));
  transfer_.Begin();
  stream_.WriteAndFinish(ToByteBuffer(answer.slices), grpc::WriteOptions(), grpc::Status::OK,
                         queue_.Tag([self = shared_from_this()](bool ok) { self->OnFinished(ok); }));
}

void ComputeCall::Refuse(absl::Status status) {
  record_->status = std::move(status);
  AddRetryPushback(record_->status, context_);
  transfer_.Begin();
  stream_.Finish(ToGrpcStatus(record_->status, record_->request_id),
                 queue_.Tag([self = shared_from_this()](bool ok) { self->OnFinished(ok); }));
}

void ComputeCall::OnFinished(bool ok) {
  transfer_.End();
  const absl::Time now = environment_.clock.TimeNow();
  // A call that ended before its answer could leave was cut off by the client or by its deadline; so was one whose
  // message did not come.
  const bool unread = record_->status.code() == absl::StatusCode::kInvalidArgument && record_->request_bytes == 0;
  if (!ok && cut_off_) {
    record_->status = absl::CancelledError(
        "the client took longer than --transfer_timeout to send its message or to take its answer");
  } else if (!ok && (record_->status.ok() || unread)) {
    record_->status = EndedEarly(context_, record_->arrival, now);
  }
  reservation_.Release();
  environment_.reporter.OnCallEnded(RpcMethod::kCompute, record_->status.code(), now - record_->arrival);
  environment_.reporter.OnAnswered(std::move(record_), now);
}

}  // namespace lossd
