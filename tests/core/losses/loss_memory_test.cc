// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// How much memory the losses take beyond their inputs and results.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/losses/cpc/cpc_parameters.h"
#include "core/losses/loss.h"
#include "core/losses/registry.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

TensorSpec Floats(std::string name, Shape shape) { return {std::move(name), DType::kFloat32, std::move(shape)}; }

// Most bytes that a run takes at once from a pool of its own, all gradients wanted.
int64_t BytesOfRun(const ComputeSpec& request) {
  const LossRegistry registry(MakeTileLosses(/*parameter_cache_bytes=*/0));
  const Loss& loss = registry.For(request.loss);
  absl::StatusOr<std::unique_ptr<LossPlan>> plan = loss.Prepare(request);
  EXPECT_OK(plan.status());
  BufferPool outside(0);
  const auto make = [&](const TensorSpec& spec) {
    Tensor tensor(spec, outside.Allocate(static_cast<size_t>(ByteSize(spec))));
    std::fill_n(tensor.bytes(), ByteSize(spec), std::byte{0});
    return tensor;
  };
  std::vector<Tensor> inputs, outputs, gradients;
  for (const TensorSpec& spec : request.inputs) {
    inputs.push_back(make(spec));
    gradients.push_back(make(spec));
  }
  for (const TensorSpec& spec : (*plan)->derived_inputs) gradients.push_back(make(spec));
  for (const TensorSpec& spec : (*plan)->outputs) outputs.push_back(make(spec));
  LossTask task;
  task.request = &request;
  task.plan = plan->get();
  task.inputs = inputs;
  task.outputs = absl::MakeSpan(outputs);
  task.gradients = absl::MakeSpan(gradients);
  Serial serial;
  BufferPool pool(size_t{1} << 30);
  LossTask* const batch[] = {&task};
  loss.Run(batch, {.parallel = serial, .pool = pool});
  EXPECT_OK(task.status);
  return static_cast<int64_t>(pool.idle_bytes());
}

int64_t PlannedBytes(const ComputeSpec& request) {
  const LossRegistry registry(MakeTileLosses(0));
  return (*registry.For(request.loss).Prepare(request))->workspace_bytes;
}

// Bytes of the buffer in which what was planned lies.
int64_t PooledBytes(const ComputeSpec& request) {
  BufferPool pool(0);
  return static_cast<int64_t>(pool.Allocate(static_cast<size_t>(PlannedBytes(request))).capacity());
}

ComputeSpec Maps(const std::string& comparisons, const std::vector<Shape>& maps) {
  ComputeSpec request;
  FeatureMapContrastiveConfig config;
  config.comparisons = comparisons;
  request.loss = config;
  for (const char* side : {"anchor.", "positive."}) {
    for (size_t i = 0; i < maps.size(); ++i) request.inputs.push_back(Floats(side + std::to_string(i), maps[i]));
  }
  return request;
}

ComputeSpec NtXent(int64_t rows, int64_t width) {
  ComputeSpec request;
  request.loss = NtXentConfig{};
  request.inputs = {Floats("out_1", {rows, width}), Floats("out_2", {rows, width})};
  return request;
}

ComputeSpec Cpc(const Shape& z) {
  ComputeSpec request;
  request.loss = CpcConfig{};
  request.inputs = {Floats("z", z)};
  for (TensorSpec& spec : CpcParameterSpecs(z[1], 64, DType::kFloat32)) request.inputs.push_back(std::move(spec));
  return request;
}

TEST(LossMemoryTest, MapsTakeLessThanSixteenMegabytesHoweverLargeTheyAre) {
  for (const ComputeSpec& request :
       {Maps("00", {{3, 5, 2, 2}}), Maps("00", {{16, 64, 7, 7}}), Maps("00", {{64, 256, 7, 7}}),
        Maps("00", {{256, 128, 7, 7}}), Maps("00", {{200, 1280, 7, 7}}), Maps("00", {{1024, 256, 14, 14}}),
        Maps("01,02,11", {{64, 512, 1, 1}, {64, 512, 5, 5}, {64, 512, 7, 7}})}) {
    EXPECT_LE(PooledBytes(request), 16'000'000);
  }
}

// Beyond 64 MiB of scores, tiles for 64 threads.
TEST(LossMemoryTest, RowsTakeLessThanThirtyTwoMegabytesHoweverManyTheyAre) {
  for (const ComputeSpec& request : {NtXent(4096, 256), NtXent(65536, 256)}) {
    EXPECT_LE(PlannedBytes(request), 32'000'000);
  }
}

TEST(LossMemoryTest, FewerRowsTakeTheirScoresBeside) {
  for (const int64_t rows : {256, 1024}) {
    const int64_t scores = 4 * (2 * rows) * (2 * rows + 256) / 2;
    EXPECT_LE(PlannedBytes(NtXent(rows, 128)), scores + 8'000'000);
    ComputeSpec request = NtXent(rows, 128);
    request.gradients.mode = GradientSelection::Mode::kNone;
    EXPECT_LE(PlannedBytes(request), 8'000'000);
  }
}

// Beside what the weights' gradients need of the way forward: packed weights of two blocks and the gradients of one, or
// in their place the scores of a wave; the rows of z that the network does not see; projections and their gradients.
TEST(LossMemoryTest, CpcTakesTwelveMegabytesBesideItsActivations) {
  for (const Shape& z :
       {Shape{3, 32, 7, 7}, Shape{16, 64, 7, 7}, Shape{16, 256, 7, 7}, Shape{8, 256, 14, 14}, Shape{64, 512, 7, 7}}) {
    const int64_t positions = z[0] * (z[2] - 2) * z[3];
    const int64_t inner = z[0] * (z[2] - 2) * (z[3] - 2);
    const int64_t activations = 4 * (positions * (6 * z[1] + 5 * 256) + inner * 10 * 256);
    EXPECT_LE(PlannedBytes(Cpc(z)) - activations, 12'000'000);
  }
}

TEST(LossMemoryTest, RunsTakeWhatWasPlanned) {
  for (const ComputeSpec& request : {Maps("00", {{16, 64, 7, 7}}), NtXent(256, 64), Cpc({2, 16, 5, 5})}) {
    EXPECT_LE(BytesOfRun(request), PlannedBytes(request) * 5 / 4) << "one size class";
  }
}

}  // namespace
}  // namespace lossd
