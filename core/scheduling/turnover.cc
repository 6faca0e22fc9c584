// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/scheduling/turnover.h"

namespace lossd {

void Turnover::Note(int64_t units, absl::Time now) { returns_[noted_++ % kRemembered] = {units, now}; }

std::optional<absl::Duration> Turnover::TimeFor(int64_t units) const {
  if (count() < kLeast) return std::nullopt;
  // The first one begins the time in which the others were given back.
  double returned = 0;
  for (size_t i = 1; i < count(); ++i) returned += static_cast<double>(at(i).units);
  const absl::Duration time = at(count() - 1).time - at(0).time;
  if (time <= absl::ZeroDuration()) return std::nullopt;  // Too fast to tell, or a clock that was set back.
  return time * (static_cast<double>(units) / returned);
}

}  // namespace lossd
