// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/log/log_limiter.h"

#include <algorithm>
#include <utility>

namespace lossd {

std::optional<int64_t> LogLimiter::Admit(absl::Time now) {
  absl::MutexLock lock(&mu_);
  if (due_ > now) {
    ++held_back_;
    return std::nullopt;
  }
  due_ = std::max(due_, now - period_ * (burst_ - 1)) + period_;
  return std::exchange(held_back_, 0);
}

}  // namespace lossd
