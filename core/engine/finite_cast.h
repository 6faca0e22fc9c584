// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#ifndef LOSSD_CORE_ENGINE_FINITE_CAST_H_
#define LOSSD_CORE_ENGINE_FINITE_CAST_H_

#include <algorithm>
#include <cmath>
#include <limits>

namespace lossd {

// The T closest to a factor: its largest number where T cannot hold it, rather than an infinity, whose product with
// zero would be a NaN. NaN stays NaN.
template <typename T>
T FiniteCast(double factor) {
  constexpr double kMost = std::numeric_limits<T>::max();
  return static_cast<T>(std::clamp(factor, -kMost, kMost));
}

// The power of two that weights, of which `largest` is the largest magnitude, had better be without on their way, so
// that a float holds what they are multiplied with: 0 where they are of a usual size.
inline int WeightExponent(double largest) {
  if (largest == 0 || !std::isfinite(largest) || (largest > 1e-12 && largest < 1e12)) return 0;
  return std::clamp(std::ilogb(largest) + (largest > 1 ? -40 : 40), -100, 100);
}

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_FINITE_CAST_H_
