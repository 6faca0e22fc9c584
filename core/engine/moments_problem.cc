// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/moments_problem.h"

#include <algorithm>
#include <cmath>

namespace lossd {

double FactorOfWeights(const MomentsProblem& problem) {
  const double largest = std::max(problem.weights[0], problem.weights[1]);
  return problem.cross && largest > 0x1p60 ? std::ldexp(1.0, -std::ilogb(largest)) : 1;
}

bool GainsFromFloat64(const MomentsProblem& problem) {
  constexpr int64_t kElements = 32 * 32;
  return problem.rows <= kElements / problem.width;
}

double FlopsOf(const MomentsProblem& problem, int gradients) {
  constexpr double kSweeps = 40;  // Operations on an element and on a moment.
  const auto rows = static_cast<double>(problem.rows);
  const auto width = static_cast<double>(problem.width);
  const double products = 2 + 2 * gradients;
  return (products * rows + kSweeps) * width * width + kSweeps * rows * width;
}

double WeightedSum(const MomentsProblem& problem, const std::array<double, 4>& values) {
  double loss = 0;
  for (size_t term = 0; term < problem.terms(); ++term) {
    if (problem.weights[term] != 0) loss += problem.weights[term] * values[term + 1];
  }
  return loss;
}

}  // namespace lossd
