// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The accuracy that is asked of a loss and its gradients, against an oracle that computed in float64.

#ifndef LOSSD_TESTS_SUPPORT_ACCURACY_H_
#define LOSSD_TESTS_SUPPORT_ACCURACY_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "core/tensor/dtype.h"

namespace lossd::testing {

// What rounding can do to a request, as the oracle found it.
struct Conditioning {
  double kappa = 0;  // Largest score without cancellation: max of sum_c |q_c k_c| * scale.
  std::vector<double>
      magnitude;  // For each input: largest entry of its gradient without cancellation, |D| |K| * scale.
};

// Constants of the statement: relative bounds of loss and gradients, half an ulp of the type.
struct AccuracyBounds {
  double relative;
  double rounding;

  // FLOAT32 or FLOAT64.
  static AccuracyBounds Of(DType dtype) {
    return dtype == DType::kFloat64 ? AccuracyBounds{1e-12, std::ldexp(1.0, -53)}
                                    : AccuracyBounds{1e-6, std::ldexp(1.0, -24)};
  }
};

// Error of a loss as a share of what is allowed: |error| / (1e-6 max(1, |loss|) + 2^-24 kappa), or the same for
// FLOAT64. At most 1 is accurate. NaN where one value is NaN and the other is not.
inline double LossErrorShare(double got, double expected, double kappa, DType dtype) {
  const AccuracyBounds bounds = AccuracyBounds::Of(dtype);
  return std::abs(got - expected) / (bounds.relative * std::max(1.0, std::abs(expected)) + bounds.rounding * kappa);
}

// Error of a gradient as a share of what is allowed: max |error| / max(1e-5 max |g|, 2^-22 (8 + kappa) A), or for
// FLOAT64 max(1e-12 max |g|, 2^-51 (8 + kappa) A). Up to the type's smallest normal number, or `lost` if that is more,
// an error is none. At most 1 is accurate; NaN if a NaN is in the way.
inline double GradientErrorShare(const std::vector<double>& got, const std::vector<double>& expected, double magnitude,
                                 double kappa, DType dtype, double lost = 0) {
  if (got.size() != expected.size()) return std::nan("");
  const AccuracyBounds bounds = AccuracyBounds::Of(dtype);
  const double relative = dtype == DType::kFloat64 ? bounds.relative : 10 * bounds.relative;
  double largest = 0;
  double error = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double difference = std::abs(got[i] - expected[i]);
    if (std::isnan(difference)) return difference;
    error = std::max(error, difference);
    largest = std::max(largest, std::abs(expected[i]));
  }
  const double smallest = dtype == DType::kFloat64 ? std::numeric_limits<double>::min()
                                                   : static_cast<double>(std::numeric_limits<float>::min());
  if (error <= std::max(smallest, lost)) return 0;
  return error / std::max(relative * largest, 4 * bounds.rounding * (8 + kappa) * magnitude);
}

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_ACCURACY_H_
