// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/prompt_call.h"

#include <utility>

#include "server/compute_call.h"
#include "server/rpc_status.h"

namespace lossd {

void PromptCall::Await(const Method& method, CallQueue& queue) {
  const auto call = std::make_shared<PromptCall>(method, queue);
  method.service.Request(method.index, &call->context_, &call->stream_, queue.get(), queue.Tag([call](bool ok) {
    if (ok) call->OnArrived();
  }));
}

void PromptCall::OnArrived() {
  Await(method_, queue_);
  record_->peer = context_.peer();
  absl::Status status = method_.enter(context_, *record_);
  if (!status.ok()) return Refuse(std::move(status));
  stream_.Read(&message_, queue_.Tag([self = shared_from_this()](bool ok) { self->OnMessage(ok); }));
}

void PromptCall::OnMessage(bool ok) {
  if (!ok) return Refuse(absl::InvalidArgumentError("expected one message, got none"));
  record_->request_bytes = static_cast<int64_t>(message_.Length());
  const absl::StatusOr<grpc::ByteBuffer> answer = method_.answer(message_);
  if (!answer.ok()) return Refuse(answer.status());
  record_->response_bytes = static_cast<int64_t>(answer->Length());
  stream_.WriteAndFinish(*answer, grpc::WriteOptions(), grpc::Status::OK,
                         queue_.Tag([self = shared_from_this()](bool written) { self->OnFinished(written); }));
}

void PromptCall::Refuse(absl::Status status) {
  record_->status = std::move(status);
  AddRetryPushback(record_->status, context_);
  stream_.Finish(ToGrpcStatus(record_->status, ""),
                 queue_.Tag([self = shared_from_this()](bool ok) { self->OnFinished(ok); }));
}

void PromptCall::OnFinished(bool ok) {
  if (!ok) record_->status = absl::CancelledError("the call ended before its answer left");
  method_.report(std::move(record_));
}

}  // namespace lossd
