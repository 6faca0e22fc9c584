// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/stream_call.h"

#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"
#include "server/caller_check.h"
#include "server/rpc_status.h"

namespace lossd {

StreamCall::StreamCall(const CallEnvironment& environment, CallQueue& queue)
    : environment_(environment), queue_(queue) {}

void StreamCall::Await(const CallEnvironment& environment, CallQueue& queue) {
  const auto call = std::make_shared<StreamCall>(environment, queue);
  call->done_tag_ = queue.Tag([call](bool) { call->OnDone(); });
  call->context_.AsyncNotifyWhenDone(call->done_tag_);
  environment.service.RequestComputeStream(&call->context_, &call->stream_, queue.get(),
                                           queue.Tag([call](bool ok) { call->OnArrived(ok); }));
}

void StreamCall::OnArrived(bool ok) {
  if (!ok) return queue_.Drop(std::exchange(done_tag_, nullptr));
  Await(environment_, queue_);
  arrival_ = environment_.clock.TimeNow();
  peer_ = context_.peer();
  environment_.metrics.OnCallStarted(RpcMethod::kComputeStream);
  auto pass = Enter();
  absl::MutexLock lock(&mu_);
  arrived_ = true;
  transfer_ = environment_.watch.Watch(CutOff());
  if (!pass.ok()) return Finish(pass.status());
  pass_ = *std::move(pass);
  Advance();
}

absl::StatusOr<GatePass> StreamCall::Enter() {
  LOSSD_RETURN_IF_ERROR(CheckCaller(environment_.tokens, context_));
  return environment_.gate.EnterStream(peer_, this, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->OnDrain();
  });
}

void StreamCall::OnDone() {
  if (!context_.IsCancelled()) return;
  std::vector<std::shared_ptr<Cancellation>> cancellations;
  {
    absl::MutexLock lock(&mu_);
    cancelled_ = true;
    for (const auto& [ticket, outstanding] : outstanding_) cancellations.push_back(outstanding.cancellation);
    Advance();
  }
  for (const auto& cancellation : cancellations) cancellation->Cancel();
}

void StreamCall::OnDrain() {
  absl::MutexLock lock(&mu_);
  draining_ = true;
  Advance();
}

void StreamCall::OnMessage(bool ok) {
  ComputeMessage message;
  Ticket ticket = 0;
  {
    absl::MutexLock lock(&mu_);
    if (finishing_) return;  // Too late: the stream has its end.
    if (!ok) {
      reading_ = false;
      half_closed_ = true;
      return Advance();
    }
    message.bytes = ReceivedMessage(message_);
    message.cancellation = std::make_shared<Cancellation>();
    ticket = next_ticket_++;
    const auto bytes = message.bytes.bytes();
    auto place = environment_.gate.EnterMessage(pass_);
    message.refusal = place.status();
    outstanding_[ticket] = {message.cancellation, bytes, place.ok() ? *std::move(place) : GatePass()};
    held_bytes_ += bytes;
    unidentified_ = ticket;
    if (cancelled_) message.cancellation->Cancel();
  }
  Start(ticket, std::move(message));
  absl::MutexLock lock(&mu_);
  reading_ = false;
  Advance();
}

void StreamCall::Start(Ticket ticket, ComputeMessage message) {
  message.arrival = environment_.clock.TimeNow();
  message.deadline = CallDeadline(context_, message.arrival, environment_.options);
  message.record = std::make_unique<CallRecord>();
  message.record->method = RpcMethod::kComputeStream;
  message.record->peer = peer_;
  message.record->arrival = message.arrival;
  if (message.refusal.ok()) {
    auto reservation = environment_.admission.Reserve(0);
    message.refusal = reservation.status();
    if (reservation.ok()) message.reservation = *std::move(reservation);
  }
  message.on_request_id = [this, ticket](const std::string& request_id) { return Claim(ticket, request_id); };
  environment_.pipeline.Start(std::move(message), [self = shared_from_this(), ticket](ComputeAnswer answer) {
    self->OnAnswer(ticket, std::move(answer));
  });
}

absl::Status StreamCall::Claim(Ticket ticket, const std::string& request_id) {
  absl::MutexLock lock(&mu_);
  unidentified_.reset();
  Advance();
  if (claimed_ids_.emplace(request_id, ticket).second) return absl::OkStatus();
  return InvalidField("request_id", absl::StrCat("expected one that no outstanding message of the stream has, got \"",
                                                 absl::Utf8SafeCEscape(request_id), "\""));
}

void StreamCall::OnAnswer(Ticket ticket, ComputeAnswer answer) {
  if (!answer.record->status.ok()) {
    const grpc::Slice error = ErrorResponse(*answer.record);
    answer.record->response_bytes = static_cast<int64_t>(error.size());
    answer.slices = {error};
  }
  absl::MutexLock lock(&mu_);
  if (unidentified_ == ticket) unidentified_.reset();
  const auto outstanding = outstanding_.find(ticket);
  held_bytes_ += answer.record->response_bytes - outstanding->second.bytes;
  GatePass place = std::move(outstanding->second.place);
  outstanding_.erase(outstanding);
  const auto claimed = claimed_ids_.find(answer.record->request_id);
  if (claimed != claimed_ids_.end() && claimed->second == ticket) claimed_ids_.erase(claimed);
  answers_.push_back({std::move(answer), std::move(place)});
  Advance();
}

void StreamCall::OnWritten(bool ok) {
  Leaving leaving;
  {
    absl::MutexLock lock(&mu_);
    writing_ = false;
    transfer_.End();
    if (!ok) cancelled_ = true;
    leaving = std::move(answers_.front());
    answers_.pop_front();
    held_bytes_ -= leaving.answer.record->response_bytes;
  }
  ComputeAnswer& written = leaving.answer;
  if (!ok && written.record->status.ok()) written.record->status = WhyEnded();
  written.reservation.Release();
  leaving.place.Leave();
  environment_.reporter.OnAnswered(std::move(written.record), environment_.clock.TimeNow());
  absl::MutexLock lock(&mu_);
  Advance();
}

bool StreamCall::MayRead() const {
  return !reading_ && !unidentified_.has_value() && !half_closed_ && !cancelled_ &&
         held_bytes_ < environment_.options.max_message_bytes &&
         outstanding_.size() + answers_.size() < kMaxOutstanding;
}

void StreamCall::Write() {
  writing_ = true;
  transfer_.Begin();
  stream_.Write(ToByteBuffer(answers_.front().answer.slices),
                queue_.Tag([self = shared_from_this()](bool ok) { self->OnWritten(ok); }));
}

TransferWatch::Cut StreamCall::CutOff() {
  return [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->context_.TryCancel();
  };
}

absl::Status StreamCall::WhyEnded() const { return EndedEarly(context_, arrival_, environment_.clock.TimeNow()); }

void StreamCall::Advance() {
  if (!arrived_ || finishing_) return;
  if (writing_) {
    // Its completion comes back here.
  } else if (!answers_.empty()) {
    Write();  // To a client that is gone it completes at once, with ok = false.
  } else if (outstanding_.empty()) {
    if (cancelled_) return Finish(WhyEnded());
    if (half_closed_) return Finish(absl::OkStatus());
    if (draining_) return Finish(environment_.gate.Check());
  }
  if (MayRead()) {
    reading_ = true;
    stream_.Read(&message_, queue_.Tag([self = shared_from_this()](bool ok) { self->OnMessage(ok); }));
  }
}

void StreamCall::Finish(absl::Status status) {
  finishing_ = true;
  status_ = std::move(status);
  AddRetryPushback(status_, context_);
  transfer_.Begin();
  stream_.Finish(ToGrpcStatus(status_, ""), queue_.Tag([self = shared_from_this()](bool) { self->OnFinished(); }));
}

void StreamCall::OnFinished() {
  absl::Status status;
  {
    absl::MutexLock lock(&mu_);
    transfer_.End();
    status = status_;
  }
  environment_.reporter.OnCallEnded(RpcMethod::kComputeStream, status.code(), environment_.clock.TimeNow() - arrival_);
}

}  // namespace lossd
