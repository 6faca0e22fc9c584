// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/call_gate.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"
#include "server/connections/last_peer.h"

namespace lossd {

GatePass& GatePass::operator=(GatePass&& other) noexcept {
  if (this == &other) return *this;
  Leave();
  gate_ = std::exchange(other.gate_, nullptr);
  peer_ = other.peer_;
  kind_ = other.kind_;
  stream_ = other.stream_;
  return *this;
}

void GatePass::Leave() {
  if (gate_ != nullptr) std::exchange(gate_, nullptr)->Leave(peer_, kind_, stream_);
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

absl::StatusOr<GatePass> CallGate::LetIn(const std::string& peer, Kind kind, const void* stream) {
  LOSSD_RETURN_IF_ERROR(CheckOpen());
  Peer* counted = nullptr;
  if (!absl::StartsWith(peer, kUnixPeer)) {
    counted = &*peers_.try_emplace(peer).first;
    LOSSD_RETURN_IF_ERROR(Count(*counted, kind));
  }
  ++inside_;
  return GatePass(this, counted, kind, stream);
}

absl::Status CallGate::Count(Peer& peer, Kind kind) {
  GatePass::Counts& counts = peer.second;
  const int64_t in_use = std::max(kind != Kind::kMessage ? counts.calls : 0, kind != Kind::kStream ? counts.places : 0);
  if (in_use >= max_calls_per_peer_) {
    return LimitExceeded(
        {RejectReason::kConcurrency, "--max_concurrent_streams",
         absl::StrCat("calls of a connection: expected at most ", max_calls_per_peer_, " at a time, in use ", in_use),
         kRetryDelay});
  }
  if (kind != Kind::kMessage) ++counts.calls;
  if (kind != Kind::kStream) ++counts.places;
  return absl::OkStatus();
}

absl::StatusOr<GatePass> CallGate::Enter(const std::string& peer) {
  absl::MutexLock lock(&mu_);
  return LetIn(peer, Kind::kUnary, nullptr);
}

absl::StatusOr<GatePass> CallGate::EnterStream(const std::string& peer, const void* id,
                                               std::function<void()> on_drain) {
  absl::MutexLock lock(&mu_);
  LOSSD_ASSIGN_OR_RETURN(GatePass pass, LetIn(peer, Kind::kStream, id));
  streams_.emplace(id, std::move(on_drain));
  return pass;
}

absl::StatusOr<GatePass> CallGate::EnterMessage(const GatePass& stream) {
  absl::MutexLock lock(&mu_);
  LOSSD_RETURN_IF_ERROR(CheckOpen());
  if (stream.peer_ != nullptr) LOSSD_RETURN_IF_ERROR(Count(*stream.peer_, Kind::kMessage));
  return GatePass(this, stream.peer_, Kind::kMessage, nullptr);
}

void CallGate::Leave(Peer* peer, Kind kind, const void* stream) {
  absl::MutexLock lock(&mu_);
  if (kind != Kind::kMessage) --inside_;
  if (stream != nullptr) streams_.erase(stream);
  if (peer == nullptr) return;
  GatePass::Counts& counts = peer->second;
  if (kind != Kind::kMessage) --counts.calls;
  if (kind != Kind::kStream) --counts.places;
  if (counts.calls == 0 && counts.places == 0) peers_.erase(peers_.find(peer->first));
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
