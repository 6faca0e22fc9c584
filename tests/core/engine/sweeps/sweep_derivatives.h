// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Central differences against what sweeps write.

#ifndef LOSSD_TESTS_CORE_ENGINE_SWEEPS_SWEEP_DERIVATIVES_H_
#define LOSSD_TESTS_CORE_ENGINE_SWEEPS_SWEEP_DERIVATIVES_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace lossd::testing {

// Normally distributed, and floats all the same.
inline std::vector<double> DrawNumbers(size_t count, double size, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(0, size);
  std::vector<double> numbers(count);
  for (double& number : numbers) number = static_cast<double>(static_cast<float>(normal(random)));
  return numbers;
}

// Expects `gradient` to be that of loss(x), at about a hundred places.
template <typename LossOf>
void ExpectGradient(const std::vector<double>& gradient, const LossOf& loss, std::vector<double> x) {
  ASSERT_EQ(gradient.size(), x.size());
  double largest = 0;
  for (const double slope : gradient) largest = std::max(largest, std::abs(slope));
  for (size_t place = 0; place < x.size(); place += 1 + x.size() / 97) {
    constexpr double kStep = 1e-5;
    const double at = x[place];
    x[place] = at + kStep;
    const double above = loss(x);
    x[place] = at - kStep;
    const double below = loss(x);
    x[place] = at;
    ASSERT_NEAR(gradient[place], (above - below) / (2 * kStep), 1e-6 * std::max(largest, 1e-3)) << "at " << place;
  }
}

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_CORE_ENGINE_SWEEPS_SWEEP_DERIVATIVES_H_
