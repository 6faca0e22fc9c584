// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast_setup.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Not;

TEST(ContrastSetupTest, BlocksDoNotCrossParts) {
  ContrastProblem problem;
  problem.rows = {{0, 300}, {1, 10}};
  problem.width = 1;
  const std::vector<float> first(300, 1.0f);
  const std::vector<float> second(10, 1.0f);
  ContrastOperands<float> operands;
  operands.rows = {{first.data(), nullptr, 300}, {second.data(), nullptr, 10}};
  const ContrastSetup<float> setup(problem, operands);
  ASSERT_EQ(setup.row_blocks().size(), 3u);
  EXPECT_EQ(setup.row_blocks()[1].first, 256);
  EXPECT_EQ(setup.row_blocks()[1].count, 44);
  EXPECT_EQ(setup.row_blocks()[2].part, 1u);
  EXPECT_EQ(setup.row_blocks()[2].place, 300);
  EXPECT_FALSE(setup.WantsGradients());
}

TEST(ContrastSetupTest, NumbersLabelsAndCountsPositives) {
  ContrastProblem problem;
  problem.rows = {{0, 4}};
  problem.width = 1;
  problem.pairs = ContrastProblem::Pairs::kLabels;
  const std::vector<double> rows(4, 1.0);
  ContrastOperands<double> operands;
  operands.rows = {{rows.data(), nullptr, 4}};
  operands.labels = {int64_t{1} << 60, -3, int64_t{1} << 60, 9};
  ContrastSetup<double> setup(problem, operands);
  BufferPool pool(0);
  Serial serial;
  setup.Prepare(pool, serial);
  const ContrastArrays<double>& arrays = setup.arrays();
  EXPECT_EQ(arrays.labels[0], arrays.labels[2]);
  EXPECT_NE(arrays.labels[0], arrays.labels[1]);
  EXPECT_THAT(std::vector<int64_t>(arrays.rows.positives, arrays.rows.positives + 4), ElementsAre(1, 0, 1, 0));
}

// A factor that floats hold is applied by the products, another one in the end.
TEST(ContrastSetupTest, AppliesFactorsWhereTheyFit) {
  ContrastProblem problem;
  problem.rows = {{0, 2}};
  problem.width = 1;
  const std::vector<float> rows = {1, 2};
  ContrastOperands<float> operands;
  operands.rows = {{rows.data(), nullptr, 2}};
  operands.scale = 0.5;
  operands.weight = 6;
  BufferPool pool(0);
  Serial serial;
  ContrastSetup<float> plain(problem, operands);
  plain.Prepare(pool, serial);
  EXPECT_EQ(plain.score_factor(), 0.5f);
  EXPECT_EQ(plain.gradient_factor(), 3.0f);
  operands.weight = 1e40;
  ContrastSetup<float> large(problem, operands);
  large.Prepare(pool, serial);
  EXPECT_EQ(large.gradient_factor(), 1.0f);
}

TEST(ContrastSetupTest, FormsProductsOfBlocks) {
  const std::vector<float> rows = {1, 2, 3, 4, 5, 6};  // [3, 2]
  RowOperand<float> operand({{rows.data(), nullptr, 3}}, 2, false);
  BufferPool pool(0);
  Serial serial;
  operand.Prepare(pool, serial);
  std::vector<float> products(2);
  const RowBlock first = {0, 0, 1, 0};
  const RowBlock others = {0, 1, 2, 1};
  FormProducts<float>(2, 0, operand, first, operand, others, nullptr, products.data());
  EXPECT_THAT(products, ElementsAre(22, 34));
  std::vector<float> scratch(static_cast<size_t>(kScratchElements));
  FormProducts<float>(2, 3, operand, first, operand, others, scratch.data(), products.data());
  EXPECT_THAT(products, ElementsAre(22.0f / 8, 34.0f / 8));
}

// Long sums are formed in groups, where there is room for them: small integers make the same sum.
TEST(ContrastSetupTest, FormsLongSumsInGroups) {
  constexpr int64_t kWidth = 2 * kLongSum + 5;
  std::vector<float> rows(3 * kWidth);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<float>(i % 7) - 3;
  RowOperand<float> operand({{rows.data(), nullptr, 3}}, kWidth, false);
  BufferPool pool(0);
  Serial serial;
  operand.Prepare(pool, serial);
  const RowBlock all = {0, 0, 3, 0};
  std::vector<float> once(9), grouped(9), scratch(9);
  FormProducts<float>(1, 0, operand, all, operand, all, nullptr, once.data());
  FormProducts<float>(1, 0, operand, all, operand, all, scratch.data(), grouped.data());
  EXPECT_EQ(grouped, once);
  EXPECT_NE(once[0], 0);
  EXPECT_THAT(scratch, Not(Each(0.0f))) << "what the last group came to";
}

}  // namespace
}  // namespace lossd
