// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Division and rounding upwards: how many pieces there are, and how much room they take.

#ifndef LOSSD_CORE_ENGINE_ROUNDING_H_
#define LOSSD_CORE_ENGINE_ROUNDING_H_

#include <cstdint>

namespace lossd {

// value / divisor, rounded up. Preconditions: value >= 0, divisor > 0, their sum does not overflow.
constexpr int64_t CeilDiv(int64_t value, int64_t divisor) { return (value + divisor - 1) / divisor; }

// The smallest multiple of `unit` that is not below `value`. Preconditions as above.
constexpr int64_t RoundedUp(int64_t value, int64_t unit) { return CeilDiv(value, unit) * unit; }

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_ROUNDING_H_
