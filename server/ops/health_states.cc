// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/ops/health_states.h"

#include <utility>

#include "absl/strings/strip.h"

namespace lossd {

void HealthStates::SetReady(bool ready) {
  absl::MutexLock listeners_lock(&listeners_mu_);
  {
    absl::MutexLock lock(&mu_);
    if (std::exchange(ready_, ready) == ready) return;
  }
  Tell();
}

void HealthStates::Tell() {
  for (const auto& [key, listener] : listeners_) listener();
}

void HealthStates::AddDevice(absl::string_view device) {
  absl::MutexLock lock(&mu_);
  devices_[std::string(device)] = true;
}

void HealthStates::LoseDevice(absl::string_view device) {
  absl::MutexLock listeners_lock(&listeners_mu_);
  {
    absl::MutexLock lock(&mu_);
    devices_[std::string(device)] = false;
    lost_ = true;
  }
  Tell();
}

bool HealthStates::ready() const {
  absl::MutexLock lock(&mu_);
  return ready_ && !lost_;
}

std::optional<bool> HealthStates::IsServing(absl::string_view service) const {
  if (service == "liveness") return true;
  if (service.empty() || service == "lossd.v1.LossService" || service == "readiness") return ready();
  if (!absl::ConsumePrefix(&service, "device/")) return std::nullopt;
  absl::MutexLock lock(&mu_);
  const auto device = devices_.find(service);
  return device == devices_.end() ? std::nullopt : std::optional<bool>(device->second);
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
