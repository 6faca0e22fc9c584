// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/widened_task.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/loss_runs.h"

namespace lossd::testing {
namespace {

using ::testing::ElementsAre;

TEST(WidenedTaskTest, WidensFloatsAndNarrowsResults) {
  BufferPool pool(0);
  const std::vector<Tensor> inputs = {MakeTensor({"x", {2}, {0.1, 2}}, pool),
                                      MakeTensor({"labels", {2}, {5, 6}, DType::kInt64}, pool)};
  std::vector<Tensor> outputs = {MakeTensor({"loss", {}, {0}}, pool)};
  std::vector<Tensor> gradients = {MakeTensor({"x", {2}, {0, 0}}, pool), Tensor()};
  LossTask task;
  task.inputs = inputs;
  task.outputs = absl::MakeSpan(outputs);
  task.gradients = absl::MakeSpan(gradients);
  WidenedTask widened(task, pool);
  LossTask& wide = widened.wide();
  EXPECT_EQ(wide.inputs[0].data<double>()[0], static_cast<double>(0.1f));
  EXPECT_EQ(wide.inputs[1].bytes(), inputs[1].bytes());
  EXPECT_FALSE(wide.gradients[1].buffer());
  wide.objective = 3;
  *wide.outputs[0].data<double>() = 1.0 / 3;
  wide.gradients[0].data<double>()[0] = 1e300;
  wide.gradients[0].data<double>()[1] = 0.7;
  widened.Finish();
  EXPECT_EQ(task.objective, 3);
  EXPECT_EQ(*outputs[0].data<float>(), 1.0f / 3);
  EXPECT_THAT(Values(gradients[0]), ElementsAre(HUGE_VAL, static_cast<double>(0.7f)));
}

TEST(WidenedTaskTest, CountsItsMemory) {
  ComputeSpec request;
  request.inputs = {{"x", DType::kFloat32, {100}}};
  LossPlan plan;
  plan.outputs = {{"loss", DType::kFloat32, {}}};
  EXPECT_GE(WidenedBytes(request, plan), 2 * 100 * 8 + 8);
}

}  // namespace
}  // namespace lossd::testing
