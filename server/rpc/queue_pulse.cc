// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/queue_pulse.h"

#include <chrono>

namespace lossd {

void QueuePulse::Watch(const std::vector<std::unique_ptr<CallQueue>>& queues) {
  absl::MutexLock lock(&mu_);
  for (const auto& queue : queues) beats_.emplace_back(*queue);
  watching_ = true;
}

void QueuePulse::Stop() {
  absl::MutexLock lock(&mu_);
  watching_ = false;
}

bool QueuePulse::KeepsUp() {
  absl::MutexLock lock(&mu_);
  if (!watching_) return true;
  if (under_way_ > 0) return false;
  under_way_ = beats_.size();
  // With the lock, for Stop: setting an alarm calls nobody back on this thread.
  for (Beat& beat : beats_) {
    beat.alarm.Set(beat.queue.get(), std::chrono::system_clock::now(), beat.queue.Tag([this](bool) { OnBeat(); }));
  }
  return true;
}

void QueuePulse::OnBeat() {
  absl::MutexLock lock(&mu_);
  --under_way_;
}

}  // namespace lossd
