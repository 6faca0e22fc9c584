// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/column_moments.h"

#include <atomic>
#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace lossd {
namespace {

// Terms and gradients against definitions: tests/core/losses/stated.
TEST(ColumnMomentsTest, TermsOfWeightZeroDoNotEnter) {
  MomentsProblem problem;
  problem.weights = {2, 0, 3};
  EXPECT_EQ(WeightedSum(problem, {0, 5, INFINITY, 7}), 31);
  problem.cross = true;
  EXPECT_EQ(WeightedSum(problem, {0, 5, INFINITY, 7}), 10);
}

TEST(ColumnMomentsTest, CountsOperationsAndMemory) {
  MomentsProblem problem;
  problem.rows = 100;
  problem.width = 50;
  EXPECT_GT(FlopsOf(problem, 2), 6.0 * 100 * 50 * 50);
  EXPECT_GT(FlopsOf(problem, 2), FlopsOf(problem, 0));
  EXPECT_GE(WorkspaceBytesOf<double>(problem), 2 * 100 * 50 * 8);
  EXPECT_LT(WorkspaceBytesOf<float>(problem), WorkspaceBytesOf<double>(problem));
}

TEST(ColumnMomentsTest, GainsFromFloat64WhereElementsAreFew) {
  EXPECT_TRUE(GainsFromFloat64(MomentsProblem{.rows = 32, .width = 32}));
  EXPECT_FALSE(GainsFromFloat64(MomentsProblem{.rows = 33, .width = 32}));
}

TEST(ColumnMomentsTest, GivesUpWhenCancelled) {
  MomentsProblem problem;
  problem.rows = 4;
  problem.width = 300;
  const std::vector<float> view(1200, 1.0f);
  MomentsOperands<float> operands;
  operands.views = {view.data(), view.data()};
  BufferPool pool(0);
  Serial serial;
  const std::atomic<bool> cancelled = true;
  ComputeMoments(problem, operands, pool, &cancelled, serial);  // Returns.
}

TEST(ColumnMomentsTest, EqualViewsAreFullyCorrelated) {
  MomentsProblem problem;
  problem.rows = 3;
  problem.width = 1;
  problem.cross = true;
  problem.weights = {1, 1};
  const std::vector<double> view = {1, 2, 4};
  MomentsOperands<double> operands;
  operands.views = {view.data(), view.data()};
  BufferPool pool(0);
  Serial serial;
  EXPECT_EQ(ComputeMoments(problem, operands, pool, nullptr, serial).values[0], 0);
}

}  // namespace
}  // namespace lossd
