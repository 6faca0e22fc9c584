// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/group_tensors.h"

#include <ATen/ATen.h>

#include <array>
#include <atomic>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/loss_runs.h"

namespace lossd::aten {
namespace {

using ::lossd::testing::MakeTensor;
using ::lossd::testing::Values;
using ::testing::Each;
using ::testing::ElementsAre;

// Two tasks of one input [2]; the second wants its gradient.
class GroupTensorsTest : public ::testing::Test {
 protected:
  GroupTensorsTest() {
    inputs_[0] = MakeTensor({"x", {2}, {1, 2}}, pool_);
    inputs_[1] = MakeTensor({"x", {2}, {3, 4}}, pool_);
    gradients_[1] = MakeTensor({"x", {2}, {7, 7}}, pool_);
    for (size_t t = 0; t < 2; ++t) {
      tasks_[t].inputs = absl::MakeSpan(&inputs_[t], 1);
      tasks_[t].gradients = absl::MakeSpan(&gradients_[t], 1);
      tasks_[t].cancelled = &cancelled_[t];
    }
  }

  BufferPool pool_{1 << 20};
  std::array<Tensor, 2> inputs_;
  std::array<Tensor, 2> gradients_;
  std::array<std::atomic<bool>, 2> cancelled_{};
  std::array<LossTask, 2> tasks_;
  const std::array<LossTask*, 2> groups_ = {&tasks_[0], &tasks_[1]};
};

TEST_F(GroupTensorsTest, StacksInputsGroupByGroup) {
  const at::Tensor stacked = StackInput(groups_, 0, at::kCPU);
  EXPECT_EQ(stacked.sizes(), at::IntArrayRef({2, 2}));
  EXPECT_TRUE(stacked.equal(at::tensor({1.0F, 2.0F, 3.0F, 4.0F}).view({2, 2})));
}

TEST_F(GroupTensorsTest, LoneInputOfTheHostIsNotCopied) {
  const at::Tensor stacked = StackInput(Groups(groups_).first(1), 0, at::kCPU);
  EXPECT_EQ(stacked.data_ptr(), inputs_[0].bytes());
}

TEST_F(GroupTensorsTest, WritesGradientsWhereTheyAreWanted) {
  EXPECT_TRUE(AnyWants(groups_, 0));
  EXPECT_FALSE(AnyWants(Groups(groups_).first(1), 0));
  WriteGradient(groups_, 0, at::tensor({1.0F, 2.0F, 3.0F, 4.0F}).view({2, 2}));
  EXPECT_THAT(Values(gradients_[1]), ElementsAre(3, 4));
  WriteZeroGradient(groups_, 0);
  EXPECT_THAT(Values(gradients_[1]), Each(0));
}

TEST_F(GroupTensorsTest, NumbersComeGroupByGroup) {
  double next = 0.5;
  const at::Tensor numbers = StackNumbers(
      groups_, [&](const LossTask&) { return next++; }, at::kFloat, at::kCPU);
  EXPECT_TRUE(numbers.equal(at::tensor({0.5F, 1.5F})));
}

TEST_F(GroupTensorsTest, AllAreCancelledWhenTheLastIs) {
  cancelled_[0] = true;
  EXPECT_FALSE(AllCancelled(groups_));
  cancelled_[1] = true;
  EXPECT_TRUE(AllCancelled(groups_));
}

TEST(ScalarTypeTest, StorageTypesHaveTheirLikesInAten) {
  EXPECT_EQ(ScalarTypeOf(DType::kFloat32), at::kFloat);
  EXPECT_EQ(ScalarTypeOf(DType::kFloat64), at::kDouble);
  EXPECT_EQ(ScalarTypeOf(DType::kInt32), at::kInt);
  EXPECT_EQ(ScalarTypeOf(DType::kInt64), at::kLong);
  EXPECT_EQ(ScalarTypeOf(DType::kUint8), at::kByte);
}

}  // namespace
}  // namespace lossd::aten
