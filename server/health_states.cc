// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/health_states.h"

#include <utility>

namespace lossd {

void HealthStates::SetReady(bool ready) {
  absl::MutexLock listeners_lock(&listeners_mu_);
  {
    absl::MutexLock lock(&mu_);
    if (std::exchange(ready_, ready) == ready) return;
  }
  for (const auto& [key, listener] : listeners_) listener();
}

bool HealthStates::ready() const {
  absl::MutexLock lock(&mu_);
  return ready_;
}

std::optional<bool> HealthStates::IsServing(absl::string_view service) const {
  if (service == "liveness") return true;
  if (service.empty() || service == "lossd.v1.LossService" || service == "readiness") return ready();
  return std::nullopt;
}

void HealthStates::Subscribe(const void* key, std::function<void()> listener) {
  absl::MutexLock lock(&listeners_mu_);
  listeners_[key] = std::move(listener);
}

void HealthStates::Unsubscribe(const void* key) {
  absl::MutexLock lock(&listeners_mu_);
  listeners_.erase(key);
}

}  // namespace lossd
