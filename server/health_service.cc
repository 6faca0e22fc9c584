// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/health_service.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "core/status/status_macros.h"
#include "grpc/health/v1/health.pb.h"
#include "server/completion.h"
#include "server/rpc_status.h"
#include "server/small_message.h"

namespace lossd {
namespace {

using ::grpc::health::v1::HealthCheckRequest;
using ::grpc::health::v1::HealthCheckResponse;

enum MethodIndex { kCheck, kWatch };

HealthCheckResponse::ServingStatus StatusOf(const HealthStates& states, const std::string& service) {
  const auto serving = states.IsServing(service);
  if (!serving.has_value()) return HealthCheckResponse::SERVICE_UNKNOWN;
  return *serving ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
}

absl::StatusOr<grpc::ByteBuffer> Check(const HealthStates& states, grpc::ByteBuffer& message) {
  HealthCheckRequest request;
  LOSSD_RETURN_IF_ERROR(ParseSmallMessage(message, request));
  HealthCheckResponse response;
  response.set_status(StatusOf(states, request.service()));
  if (response.status() != HealthCheckResponse::SERVICE_UNKNOWN) return Serialized(response);
  return absl::NotFoundError("service: expected \"\", lossd.v1.LossService, readiness or liveness, got another");
}

// One call of Watch: reads the name of a service, then writes its state, and each state that differs from the one
// written before, until the client or the server ends the call. Kept alive by what is outstanding; the done
// notification is, all the time.
class WatchCall : public std::enable_shared_from_this<WatchCall> {
 public:
  WatchCall(RawService& service, HealthStates& states, CallQueue& queue)
      : service_(service), states_(states), queue_(queue) {}

  static void Await(RawService& service, HealthStates& states, CallQueue& queue) {
    const auto call = std::make_shared<WatchCall>(service, states, queue);
    call->done_tag_ = queue.Tag([call](bool) { call->OnDone(); });
    call->context_.AsyncNotifyWhenDone(call->done_tag_);
    service.Request(kWatch, &call->context_, &call->stream_, queue.get(),
                    queue.Tag([call](bool ok) { call->OnArrived(ok); }));
  }

 private:
  void OnArrived(bool ok) {
    if (!ok) return queue_.Drop(std::exchange(done_tag_, nullptr));
    Await(service_, states_, queue_);
    stream_.Read(&message_, queue_.Tag([self = shared_from_this()](bool read) { self->OnMessage(read); }));
  }

  void OnMessage(bool ok) {
    const absl::Status status =
        ok ? ParseSmallMessage(message_, request_) : absl::InvalidArgumentError("expected one message, got none");
    if (!status.ok()) {
      absl::MutexLock lock(&mu_);
      return Finish(ToGrpcStatus(status, ""));
    }
    states_.Subscribe(this, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->Advance();
    });
    {
      absl::MutexLock lock(&mu_);
      if (!finishing_) return AdvanceLocked();
    }
    states_.Unsubscribe(this);
  }

  void OnDone() {
    states_.Unsubscribe(this);
    absl::MutexLock lock(&mu_);
    done_ = true;
    if (!writing_) Finish(grpc::Status::CANCELLED);
  }

  void OnWritten() {
    absl::MutexLock lock(&mu_);
    writing_ = false;
    if (done_) return Finish(grpc::Status::CANCELLED);
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
    stream_.Write(Serialized(response), queue_.Tag([self = shared_from_this()](bool) { self->OnWritten(); }));
  }

  // The first status holds. Precondition: nothing is being written.
  void Finish(const grpc::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (std::exchange(finishing_, true)) return;
    stream_.Finish(status, queue_.Tag([self = shared_from_this()](bool) {}));
  }

  RawService& service_;
  HealthStates& states_;
  CallQueue& queue_;
  grpc::ServerContext context_;
  RawStream stream_{&context_};
  grpc::ByteBuffer message_;
  HealthCheckRequest request_;
  void* done_tag_ = nullptr;  // Reported by the queue only if the call arrives.
  absl::Mutex mu_;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool done_ ABSL_GUARDED_BY(mu_) = false;
  bool finishing_ ABSL_GUARDED_BY(mu_) = false;
  HealthCheckResponse::ServingStatus written_ ABSL_GUARDED_BY(mu_) = HealthCheckResponse::UNKNOWN;
};

}  // namespace

HealthService::HealthService(HealthStates& states)
    : states_(states),
      service_({"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"}),
      check_{service_, kCheck, [this](grpc::ByteBuffer& message) { return Check(states_, message); }} {}

void HealthService::Await(CallQueue& queue) {
  PromptCall::Await(check_, queue);
  WatchCall::Await(service_, states_, queue);
}

}  // namespace lossd
