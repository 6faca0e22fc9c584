// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/call_gate.h"

#include <utility>

#include "core/status/errors.h"
#include "core/status/status_macros.h"

namespace lossd {

GatePass& GatePass::operator=(GatePass&& other) noexcept {
  if (this == &other) return *this;
  Leave();
  gate_ = std::exchange(other.gate_, nullptr);
  stream_ = std::exchange(other.stream_, nullptr);
  return *this;
}

void GatePass::Leave() {
  if (gate_ != nullptr) std::exchange(gate_, nullptr)->Leave(stream_);
}

absl::Status CallGate::CheckOpen() const {
  if (!draining_) return absl::OkStatus();
  return Rejected(absl::StatusCode::kUnavailable,
                  {RejectReason::kDraining, "", "the server is draining, expected a call to another one", kRetryDelay});
}

absl::Status CallGate::Check() const {
  absl::MutexLock lock(&mu_);
  return CheckOpen();
}

absl::StatusOr<GatePass> CallGate::Enter() {
  absl::MutexLock lock(&mu_);
  LOSSD_RETURN_IF_ERROR(CheckOpen());
  ++inside_;
  return GatePass(this, nullptr);
}

absl::StatusOr<GatePass> CallGate::EnterStream(const void* id, std::function<void()> on_drain) {
  absl::MutexLock lock(&mu_);
  LOSSD_RETURN_IF_ERROR(CheckOpen());
  ++inside_;
  streams_.emplace(id, std::move(on_drain));
  return GatePass(this, id);
}

void CallGate::Leave(const void* stream) {
  absl::MutexLock lock(&mu_);
  --inside_;
  if (stream != nullptr) streams_.erase(stream);
}

void CallGate::StartDraining() {
  std::map<const void*, std::function<void()>> streams;
  {
    absl::MutexLock lock(&mu_);
    draining_ = true;
    streams = streams_;
  }
  for (const auto& [id, on_drain] : streams) on_drain();
}

bool CallGate::AwaitEmpty(Clock& clock, absl::Time deadline) {
  absl::MutexLock lock(&mu_);
  return clock.AwaitWithDeadline(&mu_, absl::Condition(this, &CallGate::IsEmpty), deadline);
}

int64_t CallGate::inside() const {
  absl::MutexLock lock(&mu_);
  return inside_;
}

}  // namespace lossd
