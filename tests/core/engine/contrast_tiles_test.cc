// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast_tiles.h"

#include <atomic>
#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace lossd {
namespace {

// Losses and gradients against definitions: tests/core/losses/stated. Here: what the engine promises beside them.
class ContrastTilesTest : public ::testing::Test {
 protected:
  ContrastTilesTest() {
    problem_.rows = {{0, kRows}};
    problem_.columns = {{1, kRows}};
    problem_.width = kWidth;
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (std::vector<float>* values : {&rows_, &columns_}) {
      values->resize(kRows * kWidth);
      for (float& value : *values) value = normal(random);
    }
  }

  ContrastResult Run(const std::atomic<bool>* cancelled = nullptr) {
    ContrastOperands<float> operands;
    row_gradient_.assign(kRows * kWidth, NAN);
    column_gradient_.assign(kRows * kWidth, NAN);
    operands.rows = {{rows_.data(), row_gradient_.data(), kRows}};
    operands.columns = {{columns_.data(), column_gradient_.data(), kRows}};
    operands.scale = scale_;
    operands.weight = weight_;
    return ComputeContrast(problem_, operands, pool_, cancelled, serial_);
  }

  static constexpr int64_t kRows = 300;
  static constexpr int64_t kWidth = 5;
  ContrastProblem problem_;
  std::vector<float> rows_, columns_, row_gradient_, column_gradient_;
  double scale_ = 1;
  double weight_ = 1;
  BufferPool pool_{0};
  Serial serial_;
};

TEST_F(ContrastTilesTest, GivesUpWhenCancelled) {
  const std::atomic<bool> cancelled = true;
  Run(&cancelled);  // Returns.
}

TEST_F(ContrastTilesTest, FactorsBeyondFloatsReachTheGradients) {
  Run();
  const float plain = row_gradient_[0];
  weight_ = 1e-30;
  scale_ = 1e30;
  for (float& value : rows_) value *= 1e-30f;
  Run();
  EXPECT_NEAR(row_gradient_[0], plain, 1e-5 * std::abs(plain));
  weight_ = 1e39;
  Run();
  EXPECT_TRUE(std::isinf(row_gradient_[0]));
}

// Products of 1e40 do not fit; scores of 1 do.
TEST_F(ContrastTilesTest, ProductsBeyondFloatsAreNoTrouble) {
  for (float& value : rows_) value = 1e20f;
  for (float& value : columns_) value = 1e20f;
  for (const double scale : {1e-36, 1e-40, 1e-44}) {
    scale_ = scale;
    const ContrastResult result = Run();
    EXPECT_NEAR(result.loss, std::log(300), 1e-5);
    EXPECT_TRUE(std::isfinite(row_gradient_[0]));
  }
}

TEST_F(ContrastTilesTest, CountsItsMemory) {
  const int64_t bytes = WorkspaceBytesOf<float>(problem_);
  EXPECT_GE(bytes, 2 * kRows * kWidth * 4);
  problem_.both_sides = true;
  EXPECT_GT(WorkspaceBytesOf<float>(problem_), bytes);
}

// 65,536 rows of 256: less than 200 MB beside inputs and outputs.
TEST_F(ContrastTilesTest, NeedsLittleForManyRows) {
  problem_.rows = {{0, 65536}};
  problem_.columns = {{1, 65536}};
  problem_.width = 256;
  problem_.both_sides = true;
  EXPECT_LT(WorkspaceBytesOf<float>(problem_), 200'000'000);
}

}  // namespace
}  // namespace lossd
