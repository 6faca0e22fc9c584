// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/call_gate.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"

namespace lossd {

GatePass& GatePass::operator=(GatePass&& other) noexcept {
  if (this == &other) return *this;
  Leave();
  gate_ = std::exchange(other.gate_, nullptr);
  peer_ = other.peer_;
  stream_ = other.stream_;
  return *this;
}

void GatePass::Leave() {
  if (gate_ != nullptr) std::exchange(gate_, nullptr)->Leave(peer_, stream_);
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

absl::StatusOr<GatePass> CallGate::LetIn(const std::string& peer, const void* stream) {
  LOSSD_RETURN_IF_ERROR(CheckOpen());
  GatePass::Peer* counted = nullptr;
  if (!absl::StartsWith(peer, "unix:")) {
    counted = &*peers_.try_emplace(peer, 0).first;
    if (counted->second >= max_calls_per_peer_) {
      return LimitExceeded({RejectReason::kConcurrency, "--max_concurrent_streams",
                            absl::StrCat("calls of a connection: expected at most ", max_calls_per_peer_,
                                         " at a time, in use ", counted->second),
                            kRetryDelay});
    }
    ++counted->second;
  }
  ++inside_;
  return GatePass(this, counted, stream);
}

absl::StatusOr<GatePass> CallGate::Enter(const std::string& peer) {
  absl::MutexLock lock(&mu_);
  return LetIn(peer, nullptr);
}

absl::StatusOr<GatePass> CallGate::EnterStream(const std::string& peer, const void* id,
                                               std::function<void()> on_drain) {
  absl::MutexLock lock(&mu_);
  LOSSD_ASSIGN_OR_RETURN(GatePass pass, LetIn(peer, id));
  streams_.emplace(id, std::move(on_drain));
  return pass;
}

void CallGate::Leave(GatePass::Peer* peer, const void* stream) {
  absl::MutexLock lock(&mu_);
  --inside_;
  if (peer != nullptr && --peer->second == 0) peers_.erase(peers_.find(peer->first));
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
