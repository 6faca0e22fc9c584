// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/stream_session.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cpp/grpc_status.h"
#include "proto/wire/response_decoder.h"

namespace lossd::load {

// Keeps the session alive until the event is served.
class StreamSession::StepEvent : public client::Event {
 public:
  StepEvent(std::shared_ptr<StreamSession> session, Step step) : session_(std::move(session)), step_(step) {}
  void OnEvent(bool ok) override {
    const std::unique_ptr<StepEvent> self(this);
    session_->OnStep(step_, ok);
  }

 private:
  const std::shared_ptr<StreamSession> session_;
  const Step step_;
};

client::Event* StreamSession::Tag(Step step) { return new StepEvent(shared_from_this(), step); }

void StreamSession::Open(grpc::GenericStub& stub, grpc::CompletionQueue* queue) {
  queue_ = queue;
  context_.AddMetadata(client_context_);
  stream_ = stub.PrepareCall(&client_context_, "/lossd.v1.LossService/ComputeStream", queue);
  absl::MutexLock lock(&mu_);
  events_ = 1;
  stream_->StartCall(Tag(Step::kOpened));
}

bool StreamSession::Send(absl::Time intended, Caller::Done& done) {
  absl::MutexLock lock(&mu_);
  if (ended_) return false;
  std::string id = absl::StrCat(next_id_++);
  OutstandingCall& call = outstanding_[id];
  call.outcome.intended = intended;
  call.outcome.started = context_.clock.TimeNow();
  call.done = std::move(done);
  to_write_.push_back(std::move(id));
  if (opened_ && !writing_) WriteNext();
  return true;
}

void StreamSession::Withdraw() {
  {
    absl::MutexLock lock(&mu_);
    withdrawn_ = true;
  }
  client_context_.TryCancel();
}

void StreamSession::Close() {
  client_context_.TryCancel();
  absl::MutexLock lock(&mu_);
  const auto served = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return finished_ && events_ == 0; };
  mu_.Await(absl::Condition(&served));
}

void StreamSession::WriteNext() {
  if (ended_ || to_write_.empty()) return;
  writing_ = true;
  ++events_;
  const grpc::ByteBuffer message = context_.request.Message(to_write_.front());
  to_write_.pop_front();
  stream_->Write(message, Tag(Step::kWritten));
}

void StreamSession::OnStep(Step step, bool ok) {
  switch (step) {
    case Step::kOpened:
      OnRead(ok);  // Opened: reads; could not be: asks why, as after the last read.
      break;
    case Step::kWritten: {
      absl::MutexLock lock(&mu_);
      writing_ = false;
      if (ok) WriteNext();
      break;
    }
    case Step::kRead:
      if (ok) OnAnswer();
      OnRead(ok);
      break;
    case Step::kWaited:
      Read();
      break;
    case Step::kFinished:
      OnFinished();
      break;
  }
  absl::MutexLock lock(&mu_);
  --events_;
}

void StreamSession::OnRead(bool ok) {
  if (ok) {
    {
      absl::MutexLock lock(&mu_);
      if (!opened_) {
        opened_ = true;
        WriteNext();
      }
    }
    if (context_.chaos == nullptr || context_.chaos->kind() != ChaosKind::kSlowReader) return Read();
    context_.chaos->Count();
    absl::MutexLock lock(&mu_);
    ++events_;
    alarm_.Set(queue_, absl::ToChronoTime(context_.clock.TimeNow() + context_.chaos->NextDelay()), Tag(Step::kWaited));
    return;
  }
  absl::MutexLock lock(&mu_);
  ended_ = true;
  ++events_;
  stream_->Finish(&status_, Tag(Step::kFinished));
}

void StreamSession::Read() {
  absl::MutexLock lock(&mu_);
  ++events_;
  stream_->Read(&response_, Tag(Step::kRead));
}

void StreamSession::OnAnswer() {
  const absl::Time finished = context_.clock.TimeNow();
  std::vector<grpc::Slice> slices;
  if (!response_.Dump(&slices).ok()) return;
  const auto decoded = wire::DecodeResponse(slices);
  if (!decoded.ok()) return;  // Whose answer it was is not known; the call ends with the stream.
  OutstandingCall call;
  {
    absl::MutexLock lock(&mu_);
    const auto found = outstanding_.find(decoded->header.request_id());
    if (found == outstanding_.end()) return;
    call = std::move(found->second);
    outstanding_.erase(found);
  }
  call.outcome.finished = finished;
  call.outcome.status = client::ToAbslStatus(decoded->header.status());
  call.outcome.received_bytes = static_cast<int64_t>(response_.Length());
  if (call.outcome.status.ok() && context_.check != nullptr) call.outcome.check = context_.check->Sample(response_);
  std::move(call.done)(std::move(call.outcome));
}

void StreamSession::OnFinished() {
  absl::flat_hash_map<std::string, OutstandingCall> left;
  bool withdrawn = false;
  {
    absl::MutexLock lock(&mu_);
    finished_ = true;
    withdrawn = withdrawn_;
    left.swap(outstanding_);
  }
  absl::Status status = client::ToAbslStatus(status_);
  if (status.ok()) status = absl::UnavailableError("the stream ended before the answer");
  for (auto& [id, call] : left) {
    call.outcome.finished = context_.clock.TimeNow();
    call.outcome.status = status;
    call.outcome.withdrawn = withdrawn && status.code() == absl::StatusCode::kCancelled;
    std::move(call.done)(std::move(call.outcome));
  }
}

}  // namespace lossd::load
