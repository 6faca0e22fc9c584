// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/compute_stream.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cpp/codec.h"
#include "client/cpp/grpc_status.h"
#include "client/cpp/unary_call.h"
#include "core/status/status_macros.h"

namespace lossd::client {

GrpcComputeStream::GrpcComputeStream(EventLoop* loop, BufferPool* pool, grpc::GenericStub* stub,
                                     const ClientOptions* options, const MessageLimit* limit)
    : loop_(loop), pool_(pool), options_(options), limit_(limit) {
  absl::MutexLock lock(&mu_);
  context_ = std::make_unique<grpc::ClientContext>();
  Configure(*context_, *options, absl::InfiniteFuture());
  stream_ = stub->PrepareCall(context_.get(), "/lossd.v1.LossService/ComputeStream", loop->queue());
  stream_->StartCall(&started_);
}

GrpcComputeStream::~GrpcComputeStream() {
  absl::MutexLock lock(&mu_);
  if (context_) context_->TryCancel();
  mu_.Await(absl::Condition(this, &GrpcComputeStream::AllOver));
}

absl::Status GrpcComputeStream::Finish() {
  absl::MutexLock lock(&mu_);
  closing_ = true;
  Pump();
  mu_.Await(absl::Condition(this, &GrpcComputeStream::AllOver));
  return *end_;
}

void GrpcComputeStream::Send(ComputeRequest request, ComputeCallback done) {
  auto message = std::make_unique<Message>();
  message->done = std::move(done);
  const absl::Status queued = Enqueue(request, message);
  if (!queued.ok()) std::move(message->done)(queued);
}

absl::Status GrpcComputeStream::Enqueue(ComputeRequest& request, std::unique_ptr<Message>& message) {
  if (request.request_id.empty()) {
    absl::MutexLock lock(&mu_);
    do {
      request.request_id = absl::StrCat(++next_id_);
    } while (pending_.contains(request.request_id));
  }
  std::optional<absl::Duration> timeout = request.timeout;
  if (!timeout && options_->timeout != absl::InfiniteDuration()) timeout = options_->timeout;
  LOSSD_ASSIGN_OR_RETURN(grpc::ByteBuffer bytes, EncodeRequest(request, limit_->bytes(), timeout, message->hold));
  message->id = request.request_id;
  message->targets = std::move(request.gradient_targets);
  message->inputs = std::move(request.inputs);
  absl::MutexLock lock(&mu_);
  if (closing_) return absl::FailedPreconditionError("Send after Finish");
  if (end_) return end_->ok() ? absl::UnavailableError("the server has ended the stream") : *end_;
  if (pending_.contains(message->id)) {
    return absl::InvalidArgumentError(absl::StrCat("request_id: '", message->id, "' is still under way"));
  }
  const auto size = static_cast<int64_t>(bytes.Length());
  LOSSD_RETURN_IF_ERROR(CheckRoom(size));
  queued_bytes_ += size;
  const std::string id = message->id;
  pending_.emplace(id, std::move(message));
  writes_.push_back(std::move(bytes));
  Pump();
  return absl::OkStatus();
}

absl::Status GrpcComputeStream::CheckRoom(int64_t bytes) const {
  if (queued_bytes_ == 0 || bytes <= options_->max_queued_bytes - queued_bytes_) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("max_queued_bytes: expected at most ", options_->max_queued_bytes,
                                                   " bytes, got ", queued_bytes_, " that wait to be sent and ", bytes));
}

void GrpcComputeStream::Pump() {
  if (sending_ || finishing_) return;
  if (!reading_) {
    finishing_ = true;
    stream_->Finish(&final_status_, &finished_);
  } else if (!writes_.empty()) {
    sending_ = true;
    writing_bytes_ = static_cast<int64_t>(writes_.front().Length());
    stream_->Write(writes_.front(), &written_);
    writes_.pop_front();
  } else if (closing_ && !half_closed_) {
    sending_ = half_closed_ = true;
    stream_->WritesDone(&writes_done_);
  }
}

void GrpcComputeStream::OnStarted(bool ok) {
  absl::MutexLock lock(&mu_);
  sending_ = false;
  if (ok) {
    stream_->Read(&incoming_, &read_);
  } else {
    reading_ = false;
  }
  Pump();
}

void GrpcComputeStream::OnWritten(bool) {
  // A write that failed means that the stream is over; reading tells the same, and ends it.
  absl::MutexLock lock(&mu_);
  sending_ = false;
  queued_bytes_ -= std::exchange(writing_bytes_, 0);
  Pump();
}

void GrpcComputeStream::OnWritesDone(bool ok) { OnWritten(ok); }

void GrpcComputeStream::OnRead(bool ok) {
  absl::Status delivered;
  if (ok) delivered = DeliverIncoming();
  incoming_.Clear();
  absl::MutexLock lock(&mu_);
  if (!delivered.ok() && fault_.ok()) {
    fault_ = delivered;
    context_->TryCancel();
  }
  if (ok) {
    stream_->Read(&incoming_, &read_);
  } else {
    reading_ = false;
    Pump();
  }
}

absl::Status GrpcComputeStream::DeliverIncoming() {
  std::unique_ptr<Message> message;
  LOSSD_ASSIGN_OR_RETURN(Answer answer, DecodeAnswer(incoming_, *pool_, [&](const std::string& id) {
                           absl::MutexLock lock(&mu_);
                           const auto found = pending_.find(id);
                           if (found == pending_.end()) return static_cast<std::vector<GradientTarget>*>(nullptr);
                           message = std::move(found->second);
                           pending_.erase(found);
                           ++undelivered_;
                           return &message->targets;
                         }));
  if (!message) {
    return absl::InternalError(absl::StrCat("the server answered a request_id that is not under way: '",
                                            answer.request_id, "': ", answer.result.status().message()));
  }
  message->result = std::move(answer.result);
  Deliver(std::move(message));
  return absl::OkStatus();
}

void GrpcComputeStream::OnFinished(bool) {
  absl::flat_hash_map<std::string, std::unique_ptr<Message>> unanswered;
  absl::Status end = ToAbslStatus(final_status_);
  {
    absl::MutexLock lock(&mu_);
    if (!fault_.ok()) end = fault_;
    unanswered.swap(pending_);
    undelivered_ += static_cast<int>(unanswered.size());
    writes_.clear();
    stream_.reset();
    context_.reset();
    end_ = end;  // Before callbacks run, which may send: nothing is taken any more.
  }
  for (auto& [id, message] : unanswered) {
    message->result = end.ok() ? absl::InternalError("the server ended the stream without an answer") : end;
    Deliver(std::move(message));
  }
}

void GrpcComputeStream::Deliver(std::unique_ptr<Message> message) {
  std::shared_ptr<Message> shared = std::move(message);
  const bool released = shared->hold.Release([this, shared] { loop_->Run([this, shared] { RunCallback(*shared); }); });
  if (released) RunCallback(*shared);
}

void GrpcComputeStream::RunCallback(Message& message) {
  std::move(message.done)(std::move(message.result));
  absl::MutexLock lock(&mu_);
  --undelivered_;
}

}  // namespace lossd::client
