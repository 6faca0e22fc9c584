// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <grpcpp/alarm.h>
#include <grpcpp/generic/generic_stub.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cpp/event_loop.h"
#include "client/cpp/grpc_status.h"
#include "client/load/caller.h"

namespace lossd::load {
namespace {

constexpr char kMethod[] = "/lossd.v1.LossService/Compute";

// One call. Deletes itself after its last event.
class UnaryCall : public client::Event {
 public:
  UnaryCall(const CallContext& context, Caller::Done done) : context_(context), done_(std::move(done)) {}

  void Start(grpc::GenericStub& stub, grpc::CompletionQueue* queue, absl::Time intended) {
    outcome_.intended = intended;
    outcome_.started = context_.clock.TimeNow();
    if (!context_.auth_token.empty()) {
      client_context_.AddMetadata("authorization", absl::StrCat("Bearer ", context_.auth_token));
    }
    SetDeadline();
    const bool cancel = context_.chaos != nullptr && context_.chaos->kind() == ChaosKind::kCancel;
    reader_ = stub.PrepareUnaryCall(&client_context_, kMethod, context_.request.Message(), queue);
    events_ = cancel ? 2 : 1;
    reader_->StartCall();
    if (cancel) context_.chaos->Count();
    if (cancel) alarm_.Set(queue, absl::ToChronoTime(outcome_.started + context_.chaos->NextDelay()), &on_alarm_);
    reader_->Finish(&response_, &status_, this);
  }

  void OnEvent(bool) override {
    outcome_.finished = context_.clock.TimeNow();
    outcome_.status = client::ToAbslStatus(status_);
    outcome_.received_bytes = status_.ok() ? static_cast<int64_t>(response_.Length()) : 0;
    if (status_.ok() && context_.check != nullptr) outcome_.check = context_.check->Sample(response_);
    outcome_.provoked = outcome_.status.code() == provokes_;
    alarm_.Cancel();
    std::move(done_)(std::move(outcome_));
    Release();
  }

 private:
  struct OnAlarm : client::Event {
    explicit OnAlarm(UnaryCall* owner) : call(owner) {}
    void OnEvent(bool expired) override {
      if (expired) {
        call->provokes_ = absl::StatusCode::kCancelled;
        call->client_context_.TryCancel();
      }
      call->Release();
    }
    UnaryCall* const call;
  };

  void SetDeadline() {
    absl::Duration timeout = context_.timeout;
    if (context_.chaos != nullptr && context_.chaos->kind() == ChaosKind::kShortDeadline) {
      timeout = std::min(timeout, context_.chaos->NextDelay());
      provokes_ = absl::StatusCode::kDeadlineExceeded;
      context_.chaos->Count();
    }
    if (timeout != absl::InfiniteDuration()) {
      client_context_.set_deadline(absl::ToChronoTime(outcome_.started + timeout));
    }
  }

  // Events come on one thread.
  void Release() {
    if (--events_ == 0) delete this;
  }

  const CallContext& context_;
  Caller::Done done_;
  grpc::ClientContext client_context_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> reader_;
  grpc::ByteBuffer response_;
  grpc::Status status_;
  CallOutcome outcome_;
  absl::StatusCode provokes_ = absl::StatusCode::kOk;  // What chaos makes of the call.
  grpc::Alarm alarm_;
  OnAlarm on_alarm_{this};
  int events_ = 0;
};

class UnaryCaller : public Caller {
 public:
  UnaryCaller(std::shared_ptr<grpc::Channel> channel, grpc::CompletionQueue* queue, const CallContext& context)
      : stub_(std::move(channel)), queue_(queue), context_(context) {}

  void Start(absl::Time intended, Done done) override {
    (new UnaryCall(context_, std::move(done)))->Start(stub_, queue_, intended);
  }

 private:
  grpc::GenericStub stub_;
  grpc::CompletionQueue* const queue_;
  const CallContext& context_;
};

}  // namespace

std::unique_ptr<Caller> MakeUnaryCaller(std::shared_ptr<grpc::Channel> channel, grpc::CompletionQueue* queue,
                                        const CallContext& context) {
  return std::make_unique<UnaryCaller>(std::move(channel), queue, context);
}

}  // namespace lossd::load
