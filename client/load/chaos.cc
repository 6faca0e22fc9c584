// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/chaos.h"

#include <cmath>

namespace lossd::load {
namespace {

struct Words {
  absl::string_view name;
  absl::string_view deeds;
};

// In the order of ChaosKind.
constexpr Words kWords[] = {{"cancel", "calls given a time to be cancelled"},
                            {"short-deadline", "calls given a short deadline"},
                            {"disconnect", "connections dropped in the middle of a message"},
                            {"slow-reader", "reads delayed"}};

}  // namespace

absl::string_view ChaosName(ChaosKind kind) { return kWords[static_cast<size_t>(kind)].name; }
absl::string_view ChaosDeeds(ChaosKind kind) { return kWords[static_cast<size_t>(kind)].deeds; }

double Chaos::NextShare() {
  absl::MutexLock lock(&mu_);
  return std::uniform_real_distribution<double>()(random_);
}

absl::Duration Chaos::NextDelay() { return absl::Microseconds(20 * std::pow(5000.0, NextShare())); }

}  // namespace lossd::load
