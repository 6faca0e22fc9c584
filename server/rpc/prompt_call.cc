// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/prompt_call.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace lossd {

void PromptCall::OnEntered() { Read(std::move(reservation())); }

void PromptCall::OnMessage(ReceivedMessage message, Reservation reservation) {
  this->reservation() = std::move(reservation);
  request_bytes_ = message.bytes();
  const absl::StatusOr<grpc::ByteBuffer> answer = answer_(std::move(message));
  if (!answer.ok()) return Finish(answer.status());
  response_bytes_ = static_cast<int64_t>(answer->Length());
  WriteAndFinish(*answer);
}

void PromptCall::OnEnded(const absl::Status& status, absl::Time now) {
  if (!name_.has_value()) return;
  auto record = std::make_unique<CallRecord>();
  record->method = *name_;
  record->peer = peer();
  record->arrival = arrival();
  record->request_bytes = request_bytes_;
  record->response_bytes = response_bytes_;
  record->status = status;
  environment().reporter.OnAnswered(std::move(record), now);
}

void UnknownCall::OnEntered() {
  Finish(absl::UnimplementedError(absl::StrCat("method: expected one of the services ", known_, ", got ",
                                               absl::CHexEscape(method_name().substr(0, 256)))));
}

}  // namespace lossd
