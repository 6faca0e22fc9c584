// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/row_operand.h"

#include <cmath>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

class RowOperandTest : public ::testing::Test {
 protected:
  BufferPool pool_{0};
  Serial serial_;
};

TEST_F(RowOperandTest, OrdinaryRowsAreReadWhereTheyLie) {
  const std::vector<float> rows = {1, 2, 3, 4};
  RowOperand<float> operand({{rows.data(), nullptr, 2}}, 2, false);
  operand.Prepare(pool_, serial_);
  EXPECT_EQ(operand.prepared(0), rows.data());
}

TEST_F(RowOperandTest, RowsAreDividedByTheirNorms) {
  const std::vector<double> rows = {3, 4, 0, 0, 3e200, 4e200, 3e-200, 4e-200};
  RowOperand<double> operand({{rows.data(), nullptr, 1}, {rows.data() + 2, nullptr, 3}}, 2, true);
  operand.Prepare(pool_, serial_);
  EXPECT_THAT(std::vector<double>(operand.prepared(0), operand.prepared(0) + 2), ElementsAre(0.6, 0.8));
  EXPECT_EQ(operand.prepared(1)[0], 0);
  EXPECT_DOUBLE_EQ(operand.prepared(1)[2], 0.6);
  // Below the bound the bound divides.
  EXPECT_DOUBLE_EQ(operand.prepared(1)[5], 4e-188);
}

TEST_F(RowOperandTest, KnowsTheSizeOfItsRows) {
  const std::vector<double> rows = {1e-300, 3e200, 0, 0};
  RowOperand<double> operand({{rows.data(), nullptr, 2}}, 2, false);
  operand.Prepare(pool_, serial_);
  EXPECT_EQ(operand.exponent(), std::ilogb(3e200));
  const std::vector<float> zeros(4, 0.0f);
  RowOperand<float> nothing({{zeros.data(), nullptr, 2}}, 2, false);
  nothing.Prepare(pool_, serial_);
  EXPECT_EQ(nothing.exponent(), 0);
}

TEST_F(RowOperandTest, GradientsGoBackThroughTheDivision) {
  const std::vector<double> rows = {3, 4, 0, 0};
  std::vector<double> gradient = {1, 0, 1, 2};
  RowOperand<double> operand({{rows.data(), gradient.data(), 2}}, 2, true);
  operand.Prepare(pool_, serial_);
  EXPECT_DOUBLE_EQ(operand.FinishGradients(10, serial_), 0.6);
  // (g - u <u, g>) * 10 / 5; a zero row's is divided by the bound.
  EXPECT_DOUBLE_EQ(gradient[0], 2 * (1 - 0.36));
  EXPECT_DOUBLE_EQ(gradient[1], -2 * 0.48);
  EXPECT_DOUBLE_EQ(gradient[3], 2e13);
}

TEST_F(RowOperandTest, KeepsGradientsThatNobodyWants) {
  const std::vector<float> rows = {1, 2};
  RowOperand<float> operand({{rows.data(), nullptr, 1}}, 2, false);
  operand.Prepare(pool_, serial_);
  operand.KeepGradients(pool_);
  ASSERT_NE(operand.parts()[0].gradient, nullptr);
  operand.parts()[0].gradient[0] = 4;
  operand.parts()[0].gradient[1] = 5;
  EXPECT_EQ(operand.FinishGradients(1, serial_), 14);
}

}  // namespace
}  // namespace lossd
