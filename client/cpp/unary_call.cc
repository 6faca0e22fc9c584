// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/unary_call.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cpp/codec.h"
#include "client/cpp/grpc_status.h"
#include "client/cpp/origin.h"
#include "core/status/status_macros.h"

namespace lossd::client {

namespace {

// Answered by any server that there is a connection to, if only with an error.
constexpr char kProbeMethod[] = "/grpc.health.v1.Health/Check";

absl::Time Now() { return absl::FromChrono(std::chrono::system_clock::now()); }

std::string Pushback(const grpc::ClientContext& context) {
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto found = trailers.find("grpc-retry-pushback-ms");
  return found == trailers.end() ? "" : std::string(found->second.data(), found->second.size());
}

absl::Status CancelledBetweenAttempts() { return absl::CancelledError("cancelled before its next attempt"); }

}  // namespace

void Configure(grpc::ClientContext& context, const ClientOptions& options, absl::Time deadline) {
  if (deadline != absl::InfiniteFuture()) context.set_deadline(absl::ToChronoTime(deadline));
  if (!options.auth_token.empty()) context.AddMetadata("authorization", absl::StrCat("Bearer ", options.auth_token));
}

absl::Status UnaryExchange::Start(grpc::GenericStub& stub, grpc::CompletionQueue& queue, const ClientOptions& options,
                                  const char* method, grpc::ByteBuffer request, absl::Duration timeout, void* tag) {
  constexpr absl::Duration kForever = absl::Hours(24 * 365);
  if (timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        absl::StrCat("timeout: expected more than 0, got ", absl::FormatDuration(timeout)));
  }
  absl::MutexLock lock(&mu_);
  stub_ = &stub;
  queue_ = &queue;
  options_ = &options;
  method_ = method;
  tag_ = tag;
  request_.Swap(&request);
  attempts_.emplace(&options, timeout < kForever ? Now() + timeout : absl::InfiniteFuture());
  Attempt();
  return absl::OkStatus();
}

void UnaryExchange::Call(const char* method, const grpc::ByteBuffer& request, absl::Time deadline,
                         bool wait_for_connection) {
  answer_.Clear();
  context_ = std::make_unique<grpc::ClientContext>();
  Configure(*context_, *options_, deadline);
  context_->set_wait_for_ready(wait_for_connection);
  reader_ = stub_->PrepareUnaryCall(context_.get(), method, request, queue_);
  reader_->StartCall();
  reader_->Finish(&answer_, &status_, tag_);
}

void UnaryExchange::Attempt() {
  phase_ = Phase::kAttempt;
  Call(method_, request_, attempts_->deadline(), false);
}

bool UnaryExchange::Advance() {
  absl::MutexLock lock(&mu_);  // Also waits for Start, which another thread may be leaving.
  if (phase_ == Phase::kAttempt) return PauseAfterAttempt();
  if (cancelled_) {
    result_ = CancelledBetweenAttempts();
    return false;
  }
  if (phase_ == Phase::kPause && probe_first_) {
    phase_ = Phase::kProbe;
    Call(kProbeMethod, EmptyMessage(), attempts_->connected_by(), true);
  } else {
    Attempt();
  }
  return true;
}

bool UnaryExchange::PauseAfterAttempt() {
  result_ = ToAbslStatus(status_);
  if (result_.ok()) return false;
  const auto next = attempts_->Next(result_, Pushback(*context_), Now());
  if (!next.has_value()) return false;
  if (cancelled_) {
    result_ = CancelledBetweenAttempts();
    return false;
  }
  probe_first_ = OriginOf(result_) == Origin::kClient;
  phase_ = Phase::kPause;
  reader_.reset();
  context_.reset();
  alarm_.emplace();
  alarm_->Set(queue_, absl::ToChronoTime(*next), tag_);
  return true;
}

void UnaryExchange::Cancel() {
  absl::MutexLock lock(&mu_);
  cancelled_ = true;
  if (context_) context_->TryCancel();
  if (alarm_) alarm_->Cancel();
}

absl::StatusOr<grpc::ByteBuffer> UnaryExchange::Finish() {
  absl::MutexLock lock(&mu_);
  reader_.reset();
  context_.reset();
  request_.Clear();
  LOSSD_RETURN_IF_ERROR(result_);
  grpc::ByteBuffer answer;
  answer.Swap(&answer_);
  return answer;
}

grpc::ByteBuffer EmptyMessage() {
  const grpc::Slice nothing;
  return {&nothing, 1};
}

absl::Status StartCompute(UnaryExchange& exchange, grpc::GenericStub& stub, grpc::CompletionQueue& queue,
                          const ClientOptions& options, const MessageLimit& limit, const ComputeRequest& request,
                          void* tag) {
  LOSSD_ASSIGN_OR_RETURN(const grpc::ByteBuffer bytes,
                         EncodeRequest(request, limit.bytes(), std::nullopt, exchange.hold()));
  return exchange.Start(stub, queue, options, kComputeMethod, bytes, request.timeout.value_or(options.timeout), tag);
}

absl::StatusOr<ComputeResponse> FinishCompute(UnaryExchange& exchange, const std::vector<GradientTarget>& targets,
                                              BufferPool& pool) {
  LOSSD_ASSIGN_OR_RETURN(const grpc::ByteBuffer bytes, exchange.Finish());
  LOSSD_ASSIGN_OR_RETURN(Answer answer, DecodeAnswer(bytes, pool, [&](const std::string&) { return &targets; }));
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

void AsyncUnaryCall::Start(grpc::GenericStub& stub, const ClientOptions& options, const MessageLimit& limit) {
  registry_->Add(shared_from_this());
  const absl::Status started =
      StartCompute(exchange_, stub, *loop_->queue(), options, limit, request_, static_cast<Event*>(this));
  if (started.ok()) return;
  result_ = started;
  Deliver();
}

void AsyncUnaryCall::OnEvent(bool) {
  if (exchange_.Advance()) return;
  result_ = FinishCompute(exchange_, request_.gradient_targets, *pool_);
  if (exchange_.hold().Release([this] { loop_->Run([this] { Deliver(); }); })) Deliver();
}

void AsyncUnaryCall::Deliver() {
  const auto self = shared_from_this();
  std::move(done_)(std::move(result_));
  registry_->Remove(self);
}

}  // namespace lossd::client
