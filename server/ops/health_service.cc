// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/ops/health_service.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "core/status/status_macros.h"
#include "grpc/health/v1/health.pb.h"
#include "server/rpc/received_message.h"
#include "server/rpc/small_message.h"

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

absl::StatusOr<grpc::ByteBuffer> Check(const HealthStates& states, const ReceivedMessage& message) {
  HealthCheckRequest request;
  LOSSD_RETURN_IF_ERROR(ParseSmallMessage(message, request));
  HealthCheckResponse response;
  response.set_status(StatusOf(states, request.service()));
  if (response.status() != HealthCheckResponse::SERVICE_UNKNOWN) return Serialized(response);
  return absl::NotFoundError(
      absl::StrCat("service: expected \"\", lossd.v1.LossService, readiness, liveness or "
                   "device/NAME, got \"",
                   absl::Utf8SafeCEscape(request.service()), "\""));
}

// One call of Watch: reads the name of a service, then writes its state, and each state that differs from the one
// written before, until the client or the server ends the call.
class WatchCall final : public RpcCall {
 public:
  WatchCall(const RpcMethodRules& rules, CallQueue& queue, HealthStates& states)
      : RpcCall(rules, queue), states_(states) {}

 private:
  void OnEntered() override { Read(std::move(reservation())); }

  void OnMessage(ReceivedMessage message, Reservation reservation) override {
    this->reservation() = std::move(reservation);
    const absl::Status status = ParseSmallMessage(message, request_);
    if (!status.ok()) return Finish(status);
    states_.Subscribe(this, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) static_cast<WatchCall&>(*self).Advance();
    });
    Advance();
  }

  void OnGone() override {
    {
      absl::MutexLock lock(&mu_);
      gone_ = true;
      if (writing_) return;  // Its completion goes on.
    }
    Finish(EndedEarly());
  }

  void OnWritten(bool ok) override {
    {
      absl::MutexLock lock(&mu_);
      writing_ = false;
      gone_ |= !ok;
    }
    Advance();
  }

  void OnEnded(const absl::Status&, absl::Time) override { states_.Unsubscribe(this); }

  // Writes the state if it is news and nothing is being written.
  void Advance() {
    absl::MutexLock lock(&mu_);
    if (writing_) return;
    if (gone_) return Finish(EndedEarly());
    const HealthCheckResponse::ServingStatus status = StatusOf(states_, request_.service());
    if (status == written_) return;
    writing_ = true;
    written_ = status;
    HealthCheckResponse response;
    response.set_status(status);
    Write(Serialized(response));
  }

  HealthStates& states_;
  HealthCheckRequest request_;
  absl::Mutex mu_;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool gone_ ABSL_GUARDED_BY(mu_) = false;
  HealthCheckResponse::ServingStatus written_ ABSL_GUARDED_BY(mu_) = HealthCheckResponse::UNKNOWN;
};

}  // namespace

HealthService::HealthService(HealthStates& states, const RpcMethodRules& check, const RpcMethodRules& watch)
    : states_(states),
      service_({"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"}),
      answer_check_([this](const ReceivedMessage& message) { return Check(states_, message); }),
      check_(ForMethod(check, service_, kCheck,
                       [this](const RpcMethodRules& own, CallQueue& queue) {
                         return std::make_shared<PromptCall>(own, queue, answer_check_);
                       })),
      watch_(ForMethod(watch, service_, kWatch, [this](const RpcMethodRules& own, CallQueue& queue) {
        return std::make_shared<WatchCall>(own, queue, states_);
      })) {}

void HealthService::Await(CallQueue& queue) {
  RpcCall::Await(check_, queue);
  RpcCall::Await(watch_, queue);
}

}  // namespace lossd
