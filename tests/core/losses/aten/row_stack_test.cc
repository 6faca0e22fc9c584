// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/row_stack.h"

#include <ATen/ATen.h>

#include <vector>

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
};

TEST_F(RowStackTest, GradientsGoBackThroughTheDivisionByNorms) {
  RowStack stack(group_, parts_, true, at::kCPU);
  EXPECT_DOUBLE_EQ(stack.rows()[0][0][1].item<double>(), 0.8);
  stack.MakeGradient();
  stack.gradient().copy_(at::tensor({1.0, 0.0, 1.0, 2.0}).view({1, 2, 2}));
  const at::Tensor along = stack.WriteGradients(at::full({1}, 10.0, at::kDouble));
  EXPECT_DOUBLE_EQ(along[0].item<double>(), 0.6);
  const std::vector<double> gradient = testing::Values(gradients_[0]);
  EXPECT_DOUBLE_EQ(gradient[0], 2 * (1 - 0.36));
  EXPECT_DOUBLE_EQ(gradient[1], -2 * 0.48);
  EXPECT_DOUBLE_EQ(gradient[3], 2e13);
}

TEST_F(RowStackTest, RowsAreScaledByAPowerOfTwo) {
  const RowStack stack(group_, parts_, false, at::kCPU);
  EXPECT_EQ(stack.factor()[0].item<double>(), 4);
  EXPECT_EQ(stack.rows()[0][0][0].item<double>(), 0.75);
}

TEST_F(RowStackTest, TheHeadSharesTheGradient) {
  const std::vector<ContrastPart> head_part = {{0, 1}};
  RowStack stack(group_, parts_, false, at::kCPU);
  stack.MakeGradient();
  const RowStack head = stack.Head(head_part);
  EXPECT_EQ(head.rows().size(1), 1);
  head.gradient().fill_(7);
  EXPECT_EQ(stack.gradient()[0][0][1].item<double>(), 7);
  EXPECT_EQ(stack.gradient()[0][1][1].item<double>(), 0);
}

}  // namespace
}  // namespace lossd::aten
