// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#ifndef LOSSD_CORE_ENGINE_FINITE_CAST_H_
#define LOSSD_CORE_ENGINE_FINITE_CAST_H_

#include <algorithm>
#include <limits>

namespace lossd {

// The T closest to a factor: its largest number where T cannot hold it, rather than an infinity, whose product with
// zero would be a NaN. NaN stays NaN.
template <typename T>
T FiniteCast(double factor) {
  constexpr double kMost = std::numeric_limits<T>::max();
  return static_cast<T>(std::clamp(factor, -kMost, kMost));
}

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_FINITE_CAST_H_
