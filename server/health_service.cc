// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/health_service.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/completion.h"

namespace lossd {
namespace {

using ::grpc::health::v1::HealthCheckRequest;
using ::grpc::health::v1::HealthCheckResponse;

HealthCheckResponse::ServingStatus StatusOf(const HealthStates& states, const std::string& service) {
  const auto serving = states.IsServing(service);
  if (!serving.has_value()) return HealthCheckResponse::SERVICE_UNKNOWN;
  return *serving ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
}

grpc::Status Check(const HealthStates& states, const HealthCheckRequest& request, HealthCheckResponse* response) {
  response->set_status(StatusOf(states, request.service()));
  if (response->status() != HealthCheckResponse::SERVICE_UNKNOWN) return grpc::Status::OK;
  return grpc::Status(grpc::StatusCode::NOT_FOUND,
                      "service: expected \"\", lossd.v1.LossService, readiness or liveness, got another");
}

// One call of Watch: writes the state, and each state that differs from the one written before, until the client or
// the server ends the call. Kept alive by what is outstanding; the done notification is, all the time.
class WatchCall : public std::enable_shared_from_this<WatchCall> {
 public:
  WatchCall(grpc::health::v1::Health::AsyncService& service, HealthStates& states, CallQueue& queue)
      : service_(service), states_(states), queue_(queue) {}

  static void Await(grpc::health::v1::Health::AsyncService& service, HealthStates& states, CallQueue& queue) {
    const auto call = std::make_shared<WatchCall>(service, states, queue);
    call->done_tag_ = queue.Tag([call](bool) { call->OnDone(); });
    call->context_.AsyncNotifyWhenDone(call->done_tag_);
    service.RequestWatch(&call->context_, &call->request_, &call->writer_, queue.get(), queue.get(),
                         queue.Tag([call](bool ok) { call->OnArrived(ok); }));
  }

 private:
  void OnArrived(bool ok) {
    if (!ok) return queue_.Drop(std::exchange(done_tag_, nullptr));
    Await(service_, states_, queue_);
    states_.Subscribe(this, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->Advance();
    });
    {
      absl::MutexLock lock(&mu_);
      if (!done_) return AdvanceLocked();
    }
    states_.Unsubscribe(this);
  }

  void OnDone() {
    states_.Unsubscribe(this);
    absl::MutexLock lock(&mu_);
    done_ = true;
    FinishIfIdle();
  }

  void OnWritten() {
    absl::MutexLock lock(&mu_);
    writing_ = false;
    if (done_) return FinishIfIdle();
    AdvanceLocked();
  }

  void Advance() {
    absl::MutexLock lock(&mu_);
    AdvanceLocked();
  }

  // Writes the state if it is news and nothing is being written.
  void AdvanceLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const HealthCheckResponse::ServingStatus status = StatusOf(states_, request_.service());
    if (writing_ || done_ || status == written_) return;
    writing_ = true;
    written_ = status;
    HealthCheckResponse response;
    response.set_status(status);
    writer_.Write(response, queue_.Tag([self = shared_from_this()](bool) { self->OnWritten(); }));
  }

  void FinishIfIdle() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (writing_) return;
    writer_.Finish(grpc::Status::CANCELLED, queue_.Tag([self = shared_from_this()](bool) {}));
  }

  grpc::health::v1::Health::AsyncService& service_;
  HealthStates& states_;
  CallQueue& queue_;
  grpc::ServerContext context_;
  HealthCheckRequest request_;
  grpc::ServerAsyncWriter<HealthCheckResponse> writer_{&context_};
  void* done_tag_ = nullptr;  // Reported by the queue only if the call arrives.
  absl::Mutex mu_;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool done_ ABSL_GUARDED_BY(mu_) = false;
  HealthCheckResponse::ServingStatus written_ ABSL_GUARDED_BY(mu_) = HealthCheckResponse::UNKNOWN;
};

}  // namespace

HealthService::HealthService(HealthStates& states)
    : states_(states),
      check_{[this](auto* context, auto* request, auto* writer, auto* queue, void* tag) {
               service_.RequestCheck(context, request, writer, queue, queue, tag);
             },
             [this](const grpc::ServerContext&, const HealthCheckRequest& request, HealthCheckResponse* response) {
               return Check(states_, request, response);
             }} {}

void HealthService::Await(CallQueue& queue) {
  CheckCall::Await(check_, queue);
  WatchCall::Await(service_, states_, queue);
}

}  // namespace lossd
