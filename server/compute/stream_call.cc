// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/compute/stream_call.h"

#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/status/errors.h"
#include "server/rpc/call_deadline.h"

namespace lossd {

void StreamCall::OnEntered() {
  absl::MutexLock lock(&mu_);
  entered_ = true;
  Advance();
}

void StreamCall::OnGone() {
  std::vector<std::shared_ptr<Cancellation>> cancellations;
  {
    absl::MutexLock lock(&mu_);
    gone_ = true;
    cancellations = Cancellations();
    Advance();
  }
  for (const auto& cancellation : cancellations) cancellation->Cancel();
}

void StreamCall::OnRefused(const absl::Status& status) {
  std::vector<std::shared_ptr<Cancellation>> cancellations;
  std::vector<Leaving> lost;
  {
    absl::MutexLock lock(&mu_);
    ended_ = true;
    refusal_ = status;
    cancellations = Cancellations();
    while (answers_.size() > (writing_ ? 1 : 0)) {  // One that is being written is told of when it has left.
      lost.push_back(std::move(answers_.back()));
      answers_.pop_back();
    }
  }
  for (const auto& cancellation : cancellations) cancellation->Cancel();
  for (Leaving& leaving : lost) Report(std::move(leaving), status);
}

std::vector<std::shared_ptr<Cancellation>> StreamCall::Cancellations() const {
  std::vector<std::shared_ptr<Cancellation>> cancellations;
  for (const auto& [ticket, outstanding] : outstanding_) cancellations.push_back(outstanding.cancellation);
  return cancellations;
}

void StreamCall::OnDrain() {
  absl::MutexLock lock(&mu_);
  draining_ = true;
  Advance();
}

// Messages are told of one by one as they are answered. That leaves streams that were not taken, and a message that
// was refused while it came, which has no answer of its own.
void StreamCall::OnEnded(const absl::Status& status, absl::Time now) {
  {
    absl::MutexLock lock(&mu_);
    const bool by_the_client = status.ok() || absl::IsCancelled(status) || absl::IsDeadlineExceeded(status);
    if (entered_ && (by_the_client || absl::IsUnavailable(status))) return;
  }
  auto record = std::make_unique<CallRecord>();
  record->method = RpcMethod::kComputeStream;
  record->is_stream = true;
  record->peer = peer();
  record->arrival = arrival();
  record->status = status;
  environment().reporter.OnAnswered(std::move(record), now);
}

void StreamCall::OnNoMessage() {
  absl::MutexLock lock(&mu_);
  reading_ = false;
  half_closed_ = true;
  Advance();
}

void StreamCall::OnMessage(ReceivedMessage bytes, Reservation reservation) {
  ComputeMessage message;
  Ticket ticket = 0;
  {
    absl::MutexLock lock(&mu_);
    message.bytes = std::move(bytes);
    message.reservation = std::move(reservation);
    message.cancellation = std::make_shared<Cancellation>();
    ticket = next_ticket_++;
    auto place = parts_.gate.EnterMessage(pass());
    message.refusal = place.status();
    // The stream's own place is that of one message.
    const bool alone = outstanding_.empty() && answers_.empty();
    if (message.refusal.ok() && !alone) message.refusal = message.reservation.BecomeCall();
    if (!message.refusal.ok()) message.reservation.Release();
    outstanding_[ticket] = {message.cancellation, message.bytes.bytes(), place.ok() ? *std::move(place) : GatePass()};
    held_bytes_ += message.bytes.bytes();
    unidentified_ = ticket;
    if (gone_) message.cancellation->Cancel();
  }
  Start(ticket, std::move(message));
  absl::MutexLock lock(&mu_);
  reading_ = false;
  Advance();
}

void StreamCall::Start(Ticket ticket, ComputeMessage message) {
  message.arrival = environment().clock.TimeNow();
  message.deadline = CallDeadline(context(), message.arrival, environment().options);
  message.record = std::make_unique<CallRecord>();
  message.record->method = RpcMethod::kComputeStream;
  message.record->peer = peer();
  message.record->arrival = message.arrival;
  message.on_request_id = [this, ticket](const std::string& request_id) { return Claim(ticket, request_id); };
  parts_.pipeline.Start(std::move(message), [self = std::static_pointer_cast<StreamCall>(shared_from_this()), ticket](
                                                ComputeAnswer answer) { self->OnAnswer(ticket, std::move(answer)); });
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
  messages().NoteNeed(connection(), answer.reservation.wanted());
  GatePass place;
  absl::Status refusal;
  {
    absl::MutexLock lock(&mu_);
    if (unidentified_ == ticket) unidentified_.reset();
    const auto outstanding = outstanding_.find(ticket);
    held_bytes_ += answer.record->response_bytes - outstanding->second.bytes;
    place = std::move(outstanding->second.place);
    outstanding_.erase(outstanding);
    const auto claimed = claimed_ids_.find(answer.record->request_id);
    if (claimed != claimed_ids_.end() && claimed->second == ticket) claimed_ids_.erase(claimed);
    if (refusal_.ok()) {
      answers_.push_back({std::move(answer), std::move(place)});
      return Advance();
    }
    refusal = refusal_;
  }
  Report({std::move(answer), std::move(place)}, refusal);
}

void StreamCall::OnWritten(bool ok) {
  Leaving leaving;
  absl::Status refusal;
  {
    absl::MutexLock lock(&mu_);
    writing_ = false;
    if (!ok) gone_ = true;
    leaving = std::move(answers_.front());
    answers_.pop_front();
    held_bytes_ -= leaving.answer.record->response_bytes;
    refusal = refusal_;
  }
  Report(std::move(leaving), ok ? absl::OkStatus() : refusal.ok() ? EndedEarly() : refusal);
  absl::MutexLock lock(&mu_);
  Advance();
}

void StreamCall::Report(Leaving leaving, const absl::Status& lost) {
  absl::Status& status = leaving.answer.record->status;
  // What was cancelled when the stream was refused ended by that, not by its client.
  if (!lost.ok() && (status.ok() || (absl::IsCancelled(status) && GetLimitViolation(lost).has_value()))) status = lost;
  leaving.answer.reservation.Release();
  leaving.place.Leave();
  environment().reporter.OnAnswered(std::move(leaving.answer.record), environment().clock.TimeNow());
}

bool StreamCall::MayRead() const {
  return !reading_ && !unidentified_.has_value() && !half_closed_ && !gone_ &&
         held_bytes_ < environment().options.max_message_bytes &&
         outstanding_.size() + answers_.size() < kMaxOutstanding;
}

void StreamCall::Advance() {
  if (!entered_ || ended_) return;
  if (writing_) {
    // Its completion comes back here.
  } else if (!answers_.empty()) {
    writing_ = true;
    Write(ToByteBuffer(answers_.front().answer.slices));  // To a client that is gone it completes at once, !ok.
  } else if (outstanding_.empty()) {
    if (gone_) return End(EndedEarly());
    if (half_closed_) return End(absl::OkStatus());
    if (draining_) return End(parts_.gate.Check());
    if (reading_) RelaxReading();
  }
  if (MayRead()) AdvanceReading();
}

void StreamCall::AdvanceReading() {
  // A client that waits for answers may well send more. One that has them all may be silent for hours, and holds
  // nothing meanwhile.
  const bool idle = outstanding_.empty() && answers_.empty();
  auto room = idle ? parts_.admission.ReserveBytes(0)
                   : messages().ReserveUnread(connection(), /*call=*/false, environment().clock.TimeNow());
  if (!room.ok()) return;  // There will be when other messages of this stream have left: nothing is always granted.
  reading_ = true;
  Read(*std::move(room));
}

void StreamCall::End(absl::Status status) {
  ended_ = true;
  Finish(std::move(status));
}

}  // namespace lossd
