// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/tile_operators.h"

#include <vector>

#include "core/losses/registry.h"
#include "gtest/gtest.h"
#include "tests/support/loss_runs.h"
#include "tests/support/status_matchers.h"

namespace lossd::testing {
namespace {

TEST(TileOperatorsTest, PlansTheMemoryOfTheType) {
  const auto plan_of = [](DType dtype) {
    ComputeSpec request;
    request.loss = VicRegConfig{};
    request.inputs = {{"z_1", dtype, {100, 20}}, {"z_2", dtype, {100, 20}}};
    return MakeTileLoss(request.loss)->Prepare(request).value();
  };
  EXPECT_GT(plan_of(DType::kFloat64)->workspace_bytes, plan_of(DType::kFloat32)->workspace_bytes);
  EXPECT_EQ(plan_of(DType::kFloat16)->outputs[0].dtype, DType::kFloat32);
}

TEST(TileOperatorsTest, AnswersCancelledTasksSo) {
  const auto loss = MakeTileLoss(NtXentConfig{});
  ComputeSpec request;
  request.loss = NtXentConfig{};
  request.inputs = {{"out_1", DType::kFloat32, {2, 1}}, {"out_2", DType::kFloat32, {2, 1}}};
  const auto plan = loss->Prepare(request).value();
  BufferPool pool(0);
  std::vector<Tensor> inputs = {MakeTensor({"out_1", {2, 1}, {1, 2}}, pool),
                                MakeTensor({"out_2", {2, 1}, {1, 2}}, pool)};
  std::vector<Tensor> outputs = {MakeTensor({"loss", {}, {0}}, pool)};
  std::vector<Tensor> gradients(2);
  const std::atomic<bool> cancelled = true;
  LossTask task;
  task.request = &request;
  task.plan = plan.get();
  task.inputs = inputs;
  task.outputs = absl::MakeSpan(outputs);
  task.gradients = absl::MakeSpan(gradients);
  task.cancelled = &cancelled;
  LossTask* const batch[] = {&task};
  Serial serial;
  loss->Run(batch, RunContext{serial, pool});
  EXPECT_THAT(task.status, StatusIs(absl::StatusCode::kCancelled, "cancelled during the computation"));
}

}  // namespace
}  // namespace lossd::testing
