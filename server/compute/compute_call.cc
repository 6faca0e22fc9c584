// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/compute/compute_call.h"

#include <utility>

namespace lossd {

void ComputeCall::OnEntered() {
  reading_ = parts_.backlog.BeginReading(arrival());
  Read(std::move(reservation()));
}

void ComputeCall::EndReading() {
  if (reading_.has_value()) parts_.backlog.EndReading(*std::exchange(reading_, std::nullopt));
}

void ComputeCall::OnMessage(ReceivedMessage bytes, Reservation reservation) {
  EndReading();
  record_->arrival = arrival();
  record_->peer = peer();
  ComputeMessage message;
  message.bytes = std::move(bytes);
  message.arrival = arrival();
  message.deadline = deadline();
  message.cancellation = cancellation_;
  message.reservation = std::move(reservation);
  message.record = std::move(record_);
  parts_.pipeline.Start(std::move(message), [self = std::static_pointer_cast<ComputeCall>(shared_from_this())](
                                                ComputeAnswer answer) { self->OnAnswer(std::move(answer)); });
}

void ComputeCall::OnAnswer(ComputeAnswer answer) {
  messages().NoteNeed(connection(), answer.reservation.wanted());
  reservation() = std::move(answer.reservation);
  record_ = std::move(answer.record);
  if (record_->status.ok()) return WriteAndFinish(ToByteBuffer(answer.slices));
  Finish(record_->status, record_->request_id);
}

void ComputeCall::OnEnded(const absl::Status& status, absl::Time now) {
  EndReading();
  record_->arrival = arrival();
  record_->peer = peer();
  record_->status = status;
  environment().reporter.OnAnswered(std::move(record_), now);
}

}  // namespace lossd
