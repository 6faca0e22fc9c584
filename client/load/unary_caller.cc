// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <grpcpp/alarm.h>
#include <grpcpp/generic/generic_stub.h>

#include <atomic>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "client/cpp/event_loop.h"
#include "client/cpp/grpc_status.h"
#include "client/load/caller.h"

namespace lossd::load {
namespace {

constexpr char kMethod[] = "/lossd.v1.LossService/Compute";

class UnaryCall;

// The calls under way on a connection. Thread-safe.
class UnaryCalls {
 public:
  // False if all calls were withdrawn.
  bool Add(UnaryCall* call) {
    absl::MutexLock lock(&mu_);
    calls_.insert(call);
    return !withdrawn_;
  }
  void Remove(UnaryCall* call) {
    absl::MutexLock lock(&mu_);
    calls_.erase(call);
  }
  void Withdraw();

 private:
  absl::Mutex mu_;
  bool withdrawn_ ABSL_GUARDED_BY(mu_) = false;
  absl::flat_hash_set<UnaryCall*> calls_ ABSL_GUARDED_BY(mu_);
};

// One call. Deletes itself after its last event.
class UnaryCall : public client::Event {
 public:
  // `calls` is not owned and outlives this.
  UnaryCall(const CallContext& context, UnaryCalls& calls, Caller::Done done)
      : context_(context), calls_(calls), done_(std::move(done)) {}

  void Start(grpc::GenericStub& stub, grpc::CompletionQueue* queue, absl::Time intended) {
    outcome_.intended = intended;
    outcome_.started = context_.clock.TimeNow();
    context_.AddMetadata(client_context_);
    SetDeadline();
    const bool cancel = context_.chaos != nullptr && context_.chaos->kind() == ChaosKind::kCancel;
    reader_ = stub.PrepareUnaryCall(&client_context_, kMethod, context_.request.Message(), queue);
    events_ = cancel ? 2 : 1;
    if (!calls_.Add(this)) Withdraw();
    reader_->StartCall();
    if (cancel) context_.chaos->Count();
    if (cancel) alarm_.Set(queue, absl::ToChronoTime(outcome_.started + context_.chaos->NextDelay()), &on_alarm_);
    reader_->Finish(&response_, &status_, this);
  }

  // May come from any thread, as long as the call is among the calls under way.
  void Withdraw() {
    withdrawn_ = true;
    client_context_.TryCancel();
  }

  void OnEvent(bool) override {
    calls_.Remove(this);
    outcome_.finished = context_.clock.TimeNow();
    outcome_.status = client::ToAbslStatus(status_);
    outcome_.received_bytes = status_.ok() ? static_cast<int64_t>(response_.Length()) : 0;
    if (status_.ok() && context_.check != nullptr) outcome_.check = context_.check->Sample(response_);
    outcome_.provoked = Provoked(outcome_.status.code());
    outcome_.withdrawn = withdrawn_ && outcome_.status.code() == absl::StatusCode::kCancelled;
    alarm_.Cancel();
    std::move(done_)(std::move(outcome_));
    Release();
  }

 private:
  struct OnAlarm : client::Event {
    explicit OnAlarm(UnaryCall* owner) : call(owner) {}
    void OnEvent(bool expired) override {
      if (expired) {
        call->cancelled_ = true;
        call->client_context_.TryCancel();
      }
      call->Release();
    }
    UnaryCall* const call;
  };

  void SetDeadline() {
    absl::Duration timeout = context_.timeout;
    if (context_.chaos != nullptr && context_.chaos->kind() == ChaosKind::kShortDeadline) {
      const absl::Duration delay = context_.chaos->NextDelay();
      hurried_ = delay < timeout;
      timeout = std::min(timeout, delay);
      context_.chaos->Count();
    }
    if (timeout != absl::InfiniteDuration()) {
      client_context_.set_deadline(absl::ToChronoTime(outcome_.started + timeout));
    }
  }

  // Whether chaos is why the call ended so. A server may refuse at once what cannot be ready in time.
  bool Provoked(absl::StatusCode code) const {
    if (code == absl::StatusCode::kCancelled) return cancelled_;
    return hurried_ && (code == absl::StatusCode::kDeadlineExceeded || code == absl::StatusCode::kResourceExhausted);
  }

  // Events come on one thread.
  void Release() {
    if (--events_ == 0) delete this;
  }

  const CallContext& context_;
  UnaryCalls& calls_;
  Caller::Done done_;
  grpc::ClientContext client_context_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> reader_;
  grpc::ByteBuffer response_;
  grpc::Status status_;
  CallOutcome outcome_;
  bool cancelled_ = false;  // By chaos,
  bool hurried_ = false;    // which also gives deadlines.
  std::atomic<bool> withdrawn_ = false;
  grpc::Alarm alarm_;
  OnAlarm on_alarm_{this};
  int events_ = 0;
};

void UnaryCalls::Withdraw() {
  absl::MutexLock lock(&mu_);
  withdrawn_ = true;
  for (UnaryCall* const call : calls_) call->Withdraw();
}

class UnaryCaller : public Caller {
 public:
  UnaryCaller(std::shared_ptr<grpc::Channel> channel, grpc::CompletionQueue* queue, const CallContext& context)
      : stub_(std::move(channel)), queue_(queue), context_(context) {}

  void Start(absl::Time intended, Done done) override {
    (new UnaryCall(context_, calls_, std::move(done)))->Start(stub_, queue_, intended);
  }

  void Withdraw() override { calls_.Withdraw(); }

 private:
  grpc::GenericStub stub_;
  grpc::CompletionQueue* const queue_;
  const CallContext& context_;
  UnaryCalls calls_;
};

}  // namespace

std::unique_ptr<Caller> MakeUnaryCaller(std::shared_ptr<grpc::Channel> channel, grpc::CompletionQueue* queue,
                                        const CallContext& context) {
  return std::make_unique<UnaryCaller>(std::move(channel), queue, context);
}

}  // namespace lossd::load
