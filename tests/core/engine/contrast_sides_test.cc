// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast_sides.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace lossd {
namespace {

// A side of one row, in memory of its own.
class ContrastSideTest : public ::testing::Test {
 protected:
  ContrastSide<double> MakeSide() {
    Workspace size(nullptr);
    LayOutSide<double>(problem_, 1, size);
    memory_ = pool_.Allocate(static_cast<size_t>(size.bytes()));
    Workspace workspace(memory_.data());
    ContrastSide<double> side = LayOutSide<double>(problem_, 1, workspace);
    ClearSide(side);
    return side;
  }

  ContrastProblem problem_;
  BufferPool pool_{0};
  Buffer memory_;
};

TEST_F(ContrastSideTest, APairAgainstOthersIsASoftmax) {
  ContrastSide<double> side = MakeSide();
  side.maxima[0] = 2;  // Scores 2 and 1 beside a pair of 3.
  side.sums[0] = 1 + std::exp(-1.0);
  side.pairs[0] = 3;
  EXPECT_EQ(AccuracyOf(side), 1);
  const double total = std::exp(3.0) + std::exp(2.0) + std::exp(1.0);
  EXPECT_NEAR(FinishSide(problem_, side, 3, 0.5), 0.5 * (std::log(total) - 3), 1e-15);
  EXPECT_NEAR(side.weights[0] * std::exp(1.0 - side.maxima[0]), 0.5 * std::exp(1.0) / total, 1e-15);
  EXPECT_NEAR(side.pair_weights[0], 0.5 * (1 - std::exp(3.0) / total), 1e-15);
}

TEST_F(ContrastSideTest, ARowWithoutOthersLosesNothing) {
  ContrastSide<double> side = MakeSide();
  side.pairs[0] = -7;
  EXPECT_EQ(FinishSide(problem_, side, 1, 1.0), 0);
  EXPECT_EQ(side.weights[0], 0);
  EXPECT_EQ(side.maxima[0], 0);  // Finite, so that no exponential is NaN.
}

TEST_F(ContrastSideTest, SmoothingGivesEveryColumnItsShare) {
  problem_.smoothing = 0.2;
  ContrastSide<double> side = MakeSide();
  side.maxima[0] = 1;
  side.sums[0] = 1;
  side.score_sums[0] = 1;
  side.pairs[0] = 3;
  const double lse = std::log(std::exp(1.0) + std::exp(3.0));
  EXPECT_NEAR(FinishSide(problem_, side, 2, 1.0), 0.8 * (lse - 3) + 0.2 * (lse - 2), 1e-15);
  EXPECT_NEAR(side.evenly[0], 0.1, 1e-16);
  const double p = std::exp(3.0 - lse);
  EXPECT_NEAR(-side.pair_weights[0], 0.8 * (p - 1) + 0.2 * (p - 0.5), 1e-15);
}

TEST_F(ContrastSideTest, LonePositivesAndManyAreWeighedAlike) {
  problem_.pairs = ContrastProblem::Pairs::kLabels;
  ContrastSide<double> side = MakeSide();
  side.maxima[0] = 0;
  side.sums[0] = 2;  // Two others of score 0.
  side.positives[0] = 1;
  side.positive_maxima[0] = 3;
  side.positive_sums[0] = 1;
  side.score_sums[0] = 3;
  const double total = 2 + std::exp(3.0);
  EXPECT_NEAR(FinishSide(problem_, side, 3, 1.0), std::log(total) - 3, 1e-15);
  EXPECT_EQ(side.positive_weights[0], 0);
  EXPECT_NEAR(side.positive_offsets[0], 2 / total, 1e-15);
  EXPECT_NEAR(side.weights[0] * std::exp(0 - side.maxima[0]), 1 / total, 1e-15);
}

TEST_F(ContrastSideTest, WeightsOfPairsSumToTheirNumber) {
  problem_.weight_sigma = 0.5;
  Workspace size(nullptr);
  LayOutSide<float>(problem_, 6, size);
  memory_ = pool_.Allocate(static_cast<size_t>(size.bytes()));
  Workspace workspace(memory_.data());
  const ContrastSide<float> side = LayOutSide<float>(problem_, 6, workspace);
  const std::vector<double> similarities = {0.1, 0.9, -0.3, 0.5, 0.5, 0.5};
  WeighPairs(side, similarities.data(), 2, *problem_.weight_sigma);
  EXPECT_NEAR(side.factors[0] + side.factors[1] + side.factors[2], 3, 1e-15);
  EXPECT_LT(side.factors[1], side.factors[0]);
  EXPECT_NEAR(side.factors[4], 1, 1e-15);
}

}  // namespace
}  // namespace lossd
