// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/rpc_call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"
#include "server/connections/last_peer.h"
#include "server/rpc/call_deadline.h"
#include "server/rpc/caller_check.h"
#include "server/rpc/rpc_status.h"

namespace lossd {
namespace {

using Direction = TransferWatch::Direction;

// What a call brings besides its messages is less than so many bytes and its metadata; what a client answers to a
// message with, windows and pings, less than so many and this share of it.
constexpr int64_t kControlBytes = 512;
constexpr int64_t kControlShare = 512;

int64_t MetadataBytes(const grpc::ServerContext& context) {
  constexpr size_t kPerEntry = 16;
  size_t bytes = 0;
  for (const auto& [key, value] : context.client_metadata()) bytes += key.size() + value.size() + kPerEntry;
  return static_cast<int64_t>(bytes);
}

// Tells the client when to come back, or, of what will not pass, not to. Before Finish.
void AddRetryPushback(const absl::Status& status, grpc::ServerContext& context) {
  const auto delay = RetryDelay(status);
  if (delay.has_value()) {
    context.AddTrailingMetadata("grpc-retry-pushback-ms", absl::StrCat(absl::ToInt64Milliseconds(*delay)));
  } else if (status.code() == absl::StatusCode::kResourceExhausted) {
    context.AddTrailingMetadata("grpc-retry-pushback-ms", "-1");
  }
}

}  // namespace

RpcMethodRules ForMethod(RpcMethodRules rules, RawService& service, int method, RpcMethodRules::Maker make) {
  rules.request = [&service, method](grpc::GenericServerContext* context, RawStream* stream,
                                     grpc::ServerCompletionQueue* queue,
                                     void* tag) { service.Request(method, context, stream, queue, tag); };
  rules.make = std::move(make);
  return rules;
}

RpcMethodRules ForOtherMethods(RpcMethodRules rules, grpc::AsyncGenericService& service, RpcMethodRules::Maker make) {
  rules.request = [&service](grpc::GenericServerContext* context, RawStream* stream, grpc::ServerCompletionQueue* queue,
                             void* tag) { service.RequestCall(context, stream, queue, queue, tag); };
  rules.make = std::move(make);
  return rules;
}

void RpcCall::Await(const RpcMethodRules& rules, CallQueue& queue) {
  const std::shared_ptr<RpcCall> call = rules.make(rules, queue);
  call->done_tag_ = queue.Tag([call](bool) { call->OnDone(); });
  call->context_.AsyncNotifyWhenDone(call->done_tag_);
  rules.request(&call->context_, &call->stream_, queue.get(), queue.Tag([call](bool ok) { call->OnArrived(ok); }));
}

RpcCall::~RpcCall() {
  if (connection_ != nullptr) connection_->NoteEnded();
}

void RpcCall::OnArrived(bool ok) {
  if (!ok) return queue_.Drop(std::exchange(done_tag_, nullptr));
  Await(rules_, queue_);
  arrival_ = environment().clock.TimeNow();
  peer_ = context_.peer();
  // gRPC refuses a call whose messages are compressed before it has taken down whose it is.
  compressed_ = peer_ == "unknown";
  if (compressed_) peer_ = TakeRefusedPeer();
  deadline_ = CallDeadline(context_, arrival_, environment().options);
  if (rules_.name.has_value()) environment().metrics.OnCallStarted(*rules_.name);
  connection_ = environment().inflow.Connection(peer_);
  if (connection_->opaque()) connection_->Explain(MetadataBytes(context_) + kControlBytes);
  transfer_ = environment().watch.Watch(
      [weak = weak_from_this()](TransferWatch::Attempt attempt) {
        if (const auto self = weak.lock()) self->CutOff(attempt);
      },
      IsStream()
          ? [connection = connection_, &clock = environment().clock] { return connection->IsQuiet(clock.TimeNow()); }
          : TransferWatch::Idle());
  absl::Status status = Enter();
  if (!status.ok()) {
    connection_->Explain(0);  // What came with it unasked is no longer waited for.
    return Finish(std::move(status));
  }
  OnEntered();
  {
    absl::MutexLock lock(&mu_);
    entered_ = true;
    if (!gone_) return;
  }
  OnGone();
}

absl::Status RpcCall::Enter() {
  LOSSD_RETURN_IF_ERROR(CheckCaller(rules_.tokens, context_));
  if (rules_.open_gate != nullptr) LOSSD_RETURN_IF_ERROR(rules_.open_gate->Check());
  if (IsStream()) {
    LOSSD_ASSIGN_OR_RETURN(pass_, rules_.gate.EnterStream(peer_, this, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->OnDrain();
    }));
  } else {
    LOSSD_ASSIGN_OR_RETURN(pass_, rules_.gate.Enter(peer_));
  }
  if (rules_.backlog != nullptr) LOSSD_RETURN_IF_ERROR(rules_.backlog->CheckBeforeReading(deadline_, arrival_));
  if (IsStream()) {
    LOSSD_ASSIGN_OR_RETURN(reservation_, rules_.admission.Reserve(0));  // Its messages are another matter.
  } else {
    LOSSD_ASSIGN_OR_RETURN(reservation_, rules_.messages.ReserveUnread(*connection_, /*call=*/true, arrival_));
  }
  return absl::OkStatus();
}

void RpcCall::Read(Reservation reservation) {
  {
    absl::MutexLock lock(&mu_);
    if (finishing_) return;
    reading_ = true;
    transfer_.Begin(Direction::kIn);
    incoming_ = IncomingMessage(connection_, rules_.messages.Rules(*connection_), std::move(reservation),
                                {weak_from_this(), ++messages_asked_});
  }
  stream_.Read(&message_, queue_.Tag([self = shared_from_this()](bool ok) { self->OnRead(ok); }));
}

void RpcCall::OnRead(bool ok) {
  Reservation reservation;
  {
    absl::MutexLock lock(&mu_);
    reservation = incoming_.End(ok ? static_cast<int64_t>(message_.Length()) : -1);
    reading_ = false;
    transfer_.End(Direction::kIn);
    if (finishing_) return message_.Clear();  // Too late: the call has its end.
    no_message_ = !ok;
  }
  if (!ok) return OnNoMessage();
  OnMessage(ReceivedMessage(message_), std::move(reservation));
}

void RpcCall::RelaxReading() {
  absl::MutexLock lock(&mu_);
  if (reading_) incoming_.Relax();
}

void RpcCall::OnMessageRefused(int64_t message, absl::Status status) {
  {
    absl::MutexLock lock(&mu_);
    if (!reading_ || message != messages_asked_) return;  // That one had come whole when this was decided.
    if (std::exchange(finishing_, true)) return;          // From here on it cannot come any more.
  }
  OnRefused(status);
  absl::MutexLock lock(&mu_);
  StartFinish(std::move(status), "");
}

void RpcCall::OnNoMessage() { Finish(absl::InvalidArgumentError("expected one message, got none")); }

void RpcCall::Write(const grpc::ByteBuffer& message) {
  transfer_.Begin(Direction::kOut);
  const auto bytes = static_cast<int64_t>(message.Length());
  stream_.Write(message, queue_.Tag([self = shared_from_this(), bytes](bool ok) {
    self->transfer_.End(Direction::kOut);
    self->ExplainAnswer(bytes);
    self->OnWritten(ok);
  }));
}

void RpcCall::ExplainAnswer(int64_t bytes) {
  if (connection_->opaque()) connection_->Explain(kControlBytes + bytes / kControlShare);
}

void RpcCall::WriteAndFinish(const grpc::ByteBuffer& message) {
  absl::MutexLock lock(&mu_);
  if (std::exchange(finishing_, true)) return;
  transfer_.Begin(Direction::kOut);
  ExplainAnswer(static_cast<int64_t>(message.Length()));
  stream_.WriteAndFinish(message, grpc::WriteOptions(), grpc::Status::OK,
                         queue_.Tag([self = shared_from_this()](bool ok) { self->OnFinished(ok); }));
}

void RpcCall::Finish(absl::Status status, const std::string& request_id) {
  absl::MutexLock lock(&mu_);
  if (!std::exchange(finishing_, true)) StartFinish(std::move(status), request_id);
}

void RpcCall::StartFinish(absl::Status status, const std::string& request_id) {
  status_ = std::move(status);
  AddRetryPushback(status_, context_);
  transfer_.Begin(Direction::kOut);
  stream_.Finish(ToGrpcStatus(status_, request_id),
                 queue_.Tag([self = shared_from_this()](bool ok) { self->OnFinished(ok); }));
}

void RpcCall::OnFinished(bool ok) {
  {
    absl::MutexLock lock(&mu_);
    transfer_.End(Direction::kOut);
    finished_ = true;
    delivered_ = ok;
    if (!done_) return;
  }
  End();
}

void RpcCall::OnDone() {
  bool finished = false;
  {
    absl::MutexLock lock(&mu_);
    done_ = true;
    gone_ = context_.IsCancelled();
    finished = finished_;
    if (!finished && (!gone_ || !entered_)) return;  // It may be seen before the call is seen to come.
  }
  if (finished) return End();
  OnGone();
}

void RpcCall::CutOff(TransferWatch::Attempt attempt) {
  const bool last = attempt == TransferWatch::Attempt::kLast;
  {
    absl::MutexLock lock(&mu_);
    cut_off_ = true;
    connection_cut_ = last;
  }
  last ? CutConnections(peer_) : context_.TryCancel();
}

absl::Status RpcCall::EndedEarly() const {
  if (HasExpired(arrival_, DeadlineOf(context_.raw_deadline(), arrival_), environment().clock.TimeNow())) {
    return absl::DeadlineExceededError("deadline exceeded before the answer left");
  }
  return absl::CancelledError("the call ended before its answer left");
}

absl::Status RpcCall::Outcome() const {
  if (compressed_ && gone_) {
    return absl::UnimplementedError("message: expected one that is not compressed, got one that the transport refused");
  }
  // Of what a connection that was cut had taken the transport says that it has left.
  if (delivered_ && !gone_ && !connection_cut_) return status_;
  if (cut_off_) {
    return absl::CancelledError(
        "the client took longer than --transfer_timeout to send its message or to take its answer");
  }
  // What was wrong with the call stands; that no message came is no news of one that ended early.
  return status_.ok() || no_message_ ? EndedEarly() : status_;
}

void RpcCall::End() {
  absl::Status status;
  bool asked = false;
  {
    absl::MutexLock lock(&mu_);
    status = Outcome();
    asked = messages_asked_ > 0;
  }
  const absl::Time now = environment().clock.TimeNow();
  reservation_.Release();
  if (!asked || IsStream()) connection_->NoteUnwanted();
  if (rules_.name.has_value()) environment().reporter.OnCallEnded(*rules_.name, status.code(), now - arrival_);
  OnEnded(status, now);
}

}  // namespace lossd
