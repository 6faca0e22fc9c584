// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a loss of column moments is, stated once for every device, and what it costs (core/engine/column_moments.h).

#ifndef LOSSD_CORE_ENGINE_MOMENTS_PROBLEM_H_
#define LOSSD_CORE_ENGINE_MOMENTS_PROBLEM_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace lossd {

// What is to be computed; inputs are indices into a request's.
struct MomentsProblem {
  std::array<int, 2> inputs = {0, 1};
  int64_t rows = 0;    // N, at least 2.
  int64_t width = 0;   // D
  bool cross = false;  // Whether it is the correlation between views, with two terms; else three.
  double eps = 0;
  std::array<double, 3> weights = {0, 0, 0};  // Of the terms, in the order of column_moments.h.

  size_t terms() const { return cross ? 2 : 3; }
};

// By what weights of correlations are multiplied so that T holds what they make: 1 unless they are very large.
double FactorOfWeights(const MomentsProblem& problem);

// Whether a problem is so small that float64 costs next to nothing, see contrast.h.
bool GainsFromFloat64(const MomentsProblem& problem);

// Floating-point operations, with the gradients of so many views: 0, 1 or 2.
double FlopsOf(const MomentsProblem& problem, int gradients);

// The loss that the terms in values[1...] amount to.
double WeightedSum(const MomentsProblem& problem, const std::array<double, 4>& values);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_MOMENTS_PROBLEM_H_
