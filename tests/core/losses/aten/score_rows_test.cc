// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/score_rows.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace lossd::aten {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(ScoreRowsTest, ChunksDependOnTheShapeAndHaveARowAtLeast) {
  EXPECT_EQ(ChunkRows(10, 100, at::kCPU), 10);
  EXPECT_EQ(ChunkRows(5000, 1 << 10, at::kCPU), 1 << 10);
  EXPECT_EQ(ChunkRows(5000, int64_t{1} << 40, at::kCPU), 1);
  EXPECT_EQ(ChunkRows(5000, 1 << 16, at::kCUDA), 1 << 10);
}

TEST(ScoreRowsTest, ExponentialsAreThoseOfTheDistanceToTheMaximum) {
  at::Tensor scores = at::tensor({1000.0, 1001.0, -kInfinity}).view({1, 1, 3});
  const RowSums sums = ExponentiateRows(scores);
  EXPECT_TRUE(at::allclose(scores, at::tensor({std::exp(-1.0), 1.0, 0.0}).view({1, 1, 3})));
  EXPECT_NEAR(sums.log_sum_exp().item<double>(), 1001 + std::log1p(std::exp(-1.0)), 1e-12);
}

TEST(ScoreRowsTest, RowThatIsAllMaskedHasNoSum) {
  at::Tensor scores = at::full({1, 1, 3}, -kInfinity, at::kFloat);
  const RowSums sums = ExponentiateRows(scores);
  EXPECT_TRUE(scores.eq(0).all().item<bool>());
  EXPECT_EQ(sums.log_sum_exp().item<double>(), -kInfinity);
  EXPECT_EQ(DividedBySum(at::zeros({1, 1}, at::kDouble), sums.sum).item<double>(), 0);
}

TEST(ScoreRowsTest, SoftplusAndSigmoidHoldAtTheEnds) {
  const at::Tensor ends = at::tensor({-kInfinity, -800.0, 0.0, 800.0, kInfinity});
  EXPECT_TRUE(Softplus(ends).equal(at::tensor({0.0, 0.0, std::log(2.0), 800.0, kInfinity})));
  EXPECT_TRUE(Sigmoid(ends).equal(at::tensor({0.0, 0.0, 0.5, 1.0, 1.0})));
}

}  // namespace
}  // namespace lossd::aten
