// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/unary_call.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cpp/codec.h"
#include "client/cpp/grpc_status.h"
#include "core/status/status_macros.h"

namespace lossd::client {

void Configure(grpc::ClientContext& context, const ClientOptions& options, absl::Duration timeout) {
  constexpr absl::Duration kForever = absl::Hours(24 * 365);
  if (timeout < kForever) {
    context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMicroseconds(timeout));
  }
  if (!options.auth_token.empty()) context.AddMetadata("authorization", absl::StrCat("Bearer ", options.auth_token));
}

absl::Status UnaryExchange::Start(grpc::GenericStub& stub, grpc::CompletionQueue& queue, const ClientOptions& options,
                                  const ComputeRequest& request, void* tag) {
  const absl::Duration timeout = request.timeout.value_or(options.timeout);
  if (timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        absl::StrCat("timeout: expected more than 0, got ", absl::FormatDuration(timeout)));
  }
  LOSSD_ASSIGN_OR_RETURN(const grpc::ByteBuffer bytes,
                         EncodeRequest(request, options.max_message_bytes, std::nullopt, hold_));
  absl::MutexLock lock(&mu_);
  context_ = std::make_unique<grpc::ClientContext>();
  Configure(*context_, options, timeout);
  reader_ = stub.PrepareUnaryCall(context_.get(), "/lossd.v1.LossService/Compute", bytes, &queue);
  reader_->StartCall();
  reader_->Finish(&answer_, &status_, tag);
  return absl::OkStatus();
}

void UnaryExchange::Cancel() {
  absl::MutexLock lock(&mu_);
  if (context_) context_->TryCancel();
}

absl::StatusOr<ComputeResponse> UnaryExchange::Finish(const std::vector<GradientTarget>& targets, BufferPool& pool) {
  {
    absl::MutexLock lock(&mu_);  // Also waits for Start, which another thread may be leaving.
    reader_.reset();
    context_.reset();
  }
  LOSSD_RETURN_IF_ERROR(ToAbslStatus(status_));
  LOSSD_ASSIGN_OR_RETURN(Answer answer, DecodeAnswer(answer_, pool, [&](const std::string&) { return &targets; }));
  answer_.Clear();
  return std::move(answer.result);
}

AsyncUnaryCall::AsyncUnaryCall(EventLoop* loop, CallRegistry* registry, BufferPool* pool, ComputeRequest request,
                               ComputeCallback done)
    : loop_(loop),
      registry_(registry),
      pool_(pool),
      request_(std::move(request)),
      done_(std::move(done)),
      result_(absl::UnknownError("")) {}

void AsyncUnaryCall::Start(grpc::GenericStub& stub, const ClientOptions& options) {
  registry_->Add(shared_from_this());
  const absl::Status started = exchange_.Start(stub, *loop_->queue(), options, request_, static_cast<Event*>(this));
  if (started.ok()) return;
  result_ = started;
  Deliver();
}

void AsyncUnaryCall::OnEvent(bool) {
  result_ = exchange_.Finish(request_.gradient_targets, *pool_);
  if (exchange_.hold().Release([this] { loop_->Run([this] { Deliver(); }); })) Deliver();
}

void AsyncUnaryCall::Deliver() {
  const auto self = shared_from_this();
  std::move(done_)(std::move(result_));
  registry_->Remove(self);
}

}  // namespace lossd::client
