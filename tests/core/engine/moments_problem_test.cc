// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/moments_problem.h"

#include <cmath>

#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(MomentsProblemTest, TermsOfWeightZeroDoNotEnter) {
  MomentsProblem problem;
  problem.weights = {2, 0, 3};
  EXPECT_EQ(WeightedSum(problem, {0, 5, INFINITY, 7}), 31);
  problem.cross = true;
  EXPECT_EQ(WeightedSum(problem, {0, 5, INFINITY, 7}), 10);
}

TEST(MomentsProblemTest, GradientsTakeOperations) {
  MomentsProblem problem;
  problem.rows = 100;
  problem.width = 50;
  EXPECT_GT(FlopsOf(problem, 2), 6.0 * 100 * 50 * 50);
  EXPECT_GT(FlopsOf(problem, 2), FlopsOf(problem, 0));
}

TEST(MomentsProblemTest, GainsFromFloat64WhereElementsAreFew) {
  EXPECT_TRUE(GainsFromFloat64(MomentsProblem{.rows = 32, .width = 32}));
  EXPECT_FALSE(GainsFromFloat64(MomentsProblem{.rows = 33, .width = 32}));
}

TEST(MomentsProblemTest, VeryLargeWeightsOfCorrelationsAreTakenOutAndNoOthers) {
  MomentsProblem problem;
  problem.weights = {1, 1e300, 0};
  EXPECT_EQ(FactorOfWeights(problem), 1);
  problem.cross = true;
  EXPECT_GE(1e300 * FactorOfWeights(problem), 1);
  EXPECT_LT(1e300 * FactorOfWeights(problem), 2);
  problem.weights = {1, 1e10, 0};
  EXPECT_EQ(FactorOfWeights(problem), 1);
}

}  // namespace
}  // namespace lossd
