// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/scheduling/cancellation.h"

#include <utility>

namespace lossd {

void Cancellation::Cancel() {
  absl::MutexLock lock(&mu_);
  if (cancelled_.exchange(true, std::memory_order_acq_rel)) return;
  if (listener_) listener_();
}

void Cancellation::SetListener(absl::AnyInvocable<void()> listener) {
  absl::MutexLock lock(&mu_);
  listener_ = std::move(listener);
  if (listener_ && cancelled_.load(std::memory_order_acquire)) listener_();
}

}  // namespace lossd
