// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast.h"

#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(ContrastProblemTest, CountsRowsAndColumns) {
  ContrastProblem problem;
  problem.rows = {{0, 3}, {1, 4}};
  EXPECT_TRUE(problem.symmetric());
  EXPECT_EQ(problem.row_count(), 7);
  EXPECT_EQ(problem.column_count(), 7);
  problem.columns = {{2, 5}};
  EXPECT_FALSE(problem.symmetric());
  EXPECT_EQ(problem.column_count(), 5);
}

ContrastProblem Made(ContrastProblem::Pairs pairs, int64_t rows, int64_t columns, int64_t width) {
  ContrastProblem problem;
  problem.rows = {{.count = rows}};
  problem.columns = {{.count = columns}};
  problem.width = width;
  problem.pairs = pairs;
  return problem;
}

TEST(ContrastProblemTest, OperandsThatALossMakesAreNoInput) {
  EXPECT_EQ(Made(ContrastProblem::Pairs::kBlocks, 2, 6, 1).rows[0].input, ContrastPart::kMade);
}

TEST(ContrastProblemTest, GainsFromNarrowNumbersWhereRoundingThemPays) {
  EXPECT_FALSE(GainsFromBf16(Made(ContrastProblem::Pairs::kBlocks, 127, 127, 9)));
  EXPECT_TRUE(GainsFromBf16(Made(ContrastProblem::Pairs::kBlocks, 128, 128, 9)));
  EXPECT_FALSE(GainsFromBf16(Made(ContrastProblem::Pairs::kSteps, 99, 297, 9)));
  EXPECT_TRUE(GainsFromBf16(Made(ContrastProblem::Pairs::kSteps, 100, 300, 9)));
  EXPECT_FALSE(GainsFromBf16(Made(ContrastProblem::Pairs::kDiagonal, 4096, 4096, 256)));
}

TEST(ContrastProblemTest, GainsFromFloat64WhereBlocksAndStepsHaveFewScores) {
  EXPECT_TRUE(GainsFromFloat64(Made(ContrastProblem::Pairs::kBlocks, 4, 64, 64)));
  EXPECT_FALSE(GainsFromFloat64(Made(ContrastProblem::Pairs::kBlocks, 4, 64, 63)));
  EXPECT_FALSE(GainsFromFloat64(Made(ContrastProblem::Pairs::kBlocks, 4, 65, 64)));
  EXPECT_TRUE(GainsFromFloat64(Made(ContrastProblem::Pairs::kSteps, 32, 128, 1)));
  EXPECT_FALSE(GainsFromFloat64(Made(ContrastProblem::Pairs::kSteps, 33, 128, 1)));
}

TEST(ContrastProblemTest, GainsFromFloat64WhereScoresAreFew) {
  const auto gains = [](int64_t rows, int64_t columns, int64_t width) {
    ContrastProblem problem;
    problem.rows = {{0, rows}};
    problem.columns = {{1, columns}};
    problem.width = width;
    return GainsFromFloat64(problem);
  };
  EXPECT_TRUE(gains(64, 64, 1024));
  EXPECT_FALSE(gains(64, 64, 1025));
  EXPECT_FALSE(gains(65, 64, 1));
  EXPECT_TRUE(gains(1, 4096, 1));
  EXPECT_FALSE(gains(1, 4097, 1));
}

TEST(ContrastProblemTest, CountsOperations) {
  ContrastProblem problem;
  problem.rows = {{0, 10}};
  problem.columns = {{1, 20}};
  problem.width = 100;
  const double scores = 200;
  EXPECT_EQ(FlopsOf(problem, 2), scores * (8 * 100 + 40));
  EXPECT_EQ(FlopsOf(problem, 0), scores * (2 * 100 + 40));
  problem.term = ContrastProblem::Term::kSigmoid;
  EXPECT_EQ(FlopsOf(problem, 2), scores * (6 * 100 + 40));
  problem.term = ContrastProblem::Term::kSoftmax;
  problem.pairs = ContrastProblem::Pairs::kSteps;  // Whose scores are kept.
  EXPECT_EQ(FlopsOf(problem, 2), scores * (6 * 100 + 40));
  EXPECT_EQ(FlopsOf(problem, 1), scores * (4 * 100 + 40));
  problem.pairs = ContrastProblem::Pairs::kNextView;
  problem.columns.clear();
  EXPECT_EQ(FlopsOf(problem, 2), 100 * (4 * 100 + 40));
}

}  // namespace
}  // namespace lossd
