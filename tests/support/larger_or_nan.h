// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The worst of many errors.

#ifndef LOSSD_TESTS_SUPPORT_LARGER_OR_NAN_H_
#define LOSSD_TESTS_SUPPORT_LARGER_OR_NAN_H_

#include <algorithm>
#include <cmath>

namespace lossd::testing {

// The larger of two; NaN if either is, which std::max may drop: no bound on what is gathered so holds a NaN.
inline double LargerOrNan(double a, double b) { return std::isnan(a) || std::isnan(b) ? NAN : std::max(a, b); }

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_LARGER_OR_NAN_H_
