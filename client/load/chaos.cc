// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/chaos.h"

#include <cmath>

namespace lossd::load {

double Chaos::NextShare() {
  absl::MutexLock lock(&mu_);
  return std::uniform_real_distribution<double>()(random_);
}

absl::Duration Chaos::NextDelay() { return absl::Microseconds(20 * std::pow(5000.0, NextShare())); }

}  // namespace lossd::load
