// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast_tiles.h"

#include <atomic>
#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "tests/core/engine/wide_parallel.h"

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

  ContrastResult Run(const std::atomic<bool>* cancelled = nullptr) { return RunOn(serial_, cancelled); }

  ContrastResult RunOn(Parallel& parallel, const std::atomic<bool>* cancelled = nullptr) {
    ContrastOperands<float> operands;
    row_gradient_.assign(kRows * kWidth, NAN);
    column_gradient_.assign(kRows * kWidth, NAN);
    operands.rows = {{rows_.data(), row_gradient_.data(), kRows}};
    operands.columns = {{columns_.data(), column_gradient_.data(), kRows}};
    operands.scale = scale_;
    operands.weight = weight_;
    return ComputeContrast(problem_, operands, pool_, cancelled, parallel);
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

TEST_F(ContrastTilesTest, ThreadsWithoutAPairOfBlocksTakeStripesAndChangeNoBit) {
  for (const double scale : {1.0, 1e-36}) {  // Plain products, and such of scaled rows.
    scale_ = scale;
    for (float& value : rows_) value = static_cast<float>(value / scale);
    problem_.both_sides = true;
    const double loss = Run().loss;
    const std::vector<float> rows = row_gradient_;
    const std::vector<float> columns = column_gradient_;
    testing::WideParallel parallel;
    EXPECT_EQ(RunOn(parallel).loss, loss);
    EXPECT_GT(parallel.loops, 20);  // Four stripes of each product.
    EXPECT_EQ(row_gradient_, rows);
    EXPECT_EQ(column_gradient_, columns);
  }
}

TEST_F(ContrastTilesTest, CountsItsMemory) {
  const int64_t bytes = WorkspaceBytesOf<float>(problem_, true);
  EXPECT_GE(bytes, 2 * kRows * kWidth * 4);
  problem_.both_sides = true;
  EXPECT_GT(WorkspaceBytesOf<float>(problem_, true), bytes);
}

TEST_F(ContrastTilesTest, KeepsScoresOfManyWideRowsWhereGradientsAreWanted) {
  const auto kept = [this](int64_t rows, int64_t width) {
    problem_.rows = {{0, rows}};
    problem_.columns = {{1, rows}};
    problem_.width = width;
    return WorkspaceBytesOf<float>(problem_, true) - WorkspaceBytesOf<float>(problem_, false);
  };
  EXPECT_EQ(kept(4096, 63), 0);
  EXPECT_EQ(kept(1792, 256), 0);
  // In place of a tile for each block of rows.
  EXPECT_GE(kept(2048, 256), 4 * 2048 * 2048 * 7 / 8);
  EXPECT_GE(kept(4096, 256), (64 << 20) / 16 * 15);
  EXPECT_EQ(kept(4097, 256), 0);
}

// 144 and 136 pairs of blocks: floats' scores are kept, doubles' formed twice.
template <typename T>
std::pair<double, std::vector<double>> RunLarge(bool symmetric, bool both_sides) {
  const int64_t count = symmetric ? 2048 : 3072;
  constexpr int64_t kWide = 192;
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<T> values(static_cast<size_t>(2 * count * kWide));
  for (T& value : values) value = normal(random);
  std::vector<T> gradients(values.size());
  const int64_t half = count * kWide;
  ContrastProblem problem;
  problem.rows = {{0, count}};
  (symmetric ? problem.rows : problem.columns).push_back({1, count});
  problem.pairs = symmetric ? ContrastProblem::Pairs::kNextView : ContrastProblem::Pairs::kDiagonal;
  problem.width = kWide;
  problem.both_sides = both_sides;
  ContrastOperands<T> operands;
  operands.rows.push_back({values.data(), gradients.data(), count});
  (symmetric ? operands.rows : operands.columns).push_back({values.data() + half, gradients.data() + half, count});
  BufferPool pool(0);
  Serial serial;
  const ContrastResult result = ComputeContrast(problem, operands, pool, nullptr, serial);
  return {result.loss, {gradients.begin(), gradients.end()}};
}

TEST(KeptScoresTest, GiveWhatScoresFormedTwiceGive) {
  for (const auto& [symmetric, both_sides] : {std::pair(false, false), {false, true}, {true, false}}) {
    const auto [loss, gradients] = RunLarge<float>(symmetric, both_sides);
    const auto [exact, exact_gradients] = RunLarge<double>(symmetric, both_sides);
    EXPECT_NEAR(loss, exact, 1e-5 * exact);
    for (size_t i = 0; i < gradients.size(); ++i) ASSERT_NEAR(gradients[i], exact_gradients[i], 1e-7) << i;
  }
}

// 65,536 rows of 256: less than 200 MB beside inputs and outputs.
TEST_F(ContrastTilesTest, NeedsLittleForManyRows) {
  problem_.rows = {{0, 65536}};
  problem_.columns = {{1, 65536}};
  problem_.width = 256;
  problem_.both_sides = true;
  EXPECT_LT(WorkspaceBytesOf<float>(problem_, true), 200'000'000);
}

}  // namespace
}  // namespace lossd
