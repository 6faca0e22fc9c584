// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/row_stack.h"

#include <ATen/ATen.h>

#include <cmath>
#include <memory>
#include <vector>

#include "core/engine/sweeps/host_sweeps.h"
#include "gtest/gtest.h"
#include "tests/support/loss_runs.h"

namespace lossd::aten {
namespace {

// One group with an input of two rows.
class RowStackTest : public ::testing::Test {
 protected:
  RowStackTest() : inputs_{testing::MakeTensor({"x", {2, 2}, {3, 4, 0, 0}, DType::kFloat64}, pool_)} {
    gradients_ = {testing::MakeTensor({"x", {2, 2}, {0, 0, 0, 0}, DType::kFloat64}, pool_)};
    task_.inputs = inputs_;
    task_.gradients = absl::MakeSpan(gradients_);
  }

  BufferPool pool_{0};
  std::vector<Tensor> inputs_;
  std::vector<Tensor> gradients_;
  LossTask task_;
  LossTask* const group_[1] = {&task_};
  const std::vector<ContrastPart> parts_ = {{0, 2}};
  const Target target_{.sweeps = std::make_shared<HostSweeps>()};
};

TEST_F(RowStackTest, GradientsGoBackThroughTheDivisionByNorms) {
  RowStack stack(group_, parts_, true, at::kDouble, target_);
  EXPECT_DOUBLE_EQ(stack.rows()[0][0][1].item<double>(), 0.8);
  stack.MakeGradient();
  stack.gradient().copy_(at::tensor({1.0, 0.0, 1.0, 2.0}).view({1, 2, 2}));
  const at::Tensor along = stack.WriteGradients({at::full({1}, 5.0, at::kDouble), {}, at::full({1}, 2.0, at::kDouble)});
  EXPECT_DOUBLE_EQ(along[0][0].item<double>(), 0.6);
  EXPECT_EQ(along[0][1].item<double>(), 0);
  const std::vector<double> gradient = testing::Values(gradients_[0]);
  EXPECT_DOUBLE_EQ(gradient[0], 2 * (1 - 0.36));
  EXPECT_DOUBLE_EQ(gradient[1], -2 * 0.48);
  EXPECT_DOUBLE_EQ(gradient[3], 2e13);
}

TEST_F(RowStackTest, RowsAreScaledByAPowerOfTwo) {
  const RowStack stack(group_, parts_, false, at::kDouble, target_);
  EXPECT_EQ(stack.factor()[0].item<double>(), 4);
  EXPECT_EQ(stack.rows()[0][0][0].item<double>(), 0.75);
}

TEST_F(RowStackTest, GradientsOfScaledRowsAreMultiplied) {
  RowStack stack(group_, parts_, false, at::kDouble, target_);
  stack.MakeGradient();
  stack.gradient().fill_(7);
  stack.WriteGradients({at::full({1}, 3.0, at::kDouble)});
  EXPECT_EQ(testing::Values(gradients_[0]), std::vector<double>(4, 21));
}

// Of float32 rows in float64: what products read, and what is summed, is wider than what comes and leaves.
TEST_F(RowStackTest, RowsMayBeComputedWiderThanTheyAre) {
  inputs_[0] = testing::MakeTensor({"x", {2, 2}, {1, 3, 0, 2}, DType::kFloat32}, pool_);
  gradients_[0] = testing::MakeTensor({"x", {2, 2}, {0, 0, 0, 0}, DType::kFloat32}, pool_);
  RowStack stack(group_, parts_, true, at::kDouble, target_);
  EXPECT_EQ(stack.type(), at::kDouble);
  EXPECT_DOUBLE_EQ(stack.rows()[0][0][1].item<double>(), 3 / std::sqrt(10));
  stack.MakeGradient();
  stack.gradient().copy_(at::tensor({1 + 1e-12, 3.0, 1.0, 0.0}).view({1, 2, 2}));
  stack.WriteGradients({});
  const std::vector<double> gradient = testing::Values(gradients_[0]);
  EXPECT_NEAR(gradient[0], 0.9e-12 / std::sqrt(10), 1e-16);
  EXPECT_EQ(gradient[2], 0.5);
}

}  // namespace
}  // namespace lossd::aten
