// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <atomic>
#include <cmath>
#include <string>
#include <vector>

#include "core/losses/loss.h"
#include "tests/support/cpc_oracle.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::DrawCpcCase;
using ::lossd::testing::MakeCpcTestCase;
using ::lossd::testing::RunAlone;
using ::lossd::testing::RunBatch;
using ::lossd::testing::ShuffledParallel;
using ::lossd::testing::TestCase;
using ::testing::Each;

constexpr int64_t kCacheBytes = int64_t{64} << 20;

// z alone, parameters from `seed`; all gradients.
TestCase MakeSeedCase(uint64_t z_seed, uint64_t seed) {
  TestCase test_case = MakeCpcTestCase(
      DrawCpcCase(z_seed, {.batch = 4, .channels = 3, .height = 6, .width = 7, .dim = 8}), DType::kFloat32);
  test_case.inputs.resize(1);
  test_case.request.loss = CpcConfig{.target_dim = 8, .init_seed = seed};
  test_case.request.gradients.mode = GradientSelection::Mode::kNamed;
  test_case.request.gradients.names = {"z", "parameters.*"};
  return test_case;
}

void ExpectLoneBytes(const Loss& loss, const std::vector<TestCase>& cases) {
  ShuffledParallel shuffled(3, 7);
  const auto batched = RunBatch(loss, cases, shuffled);
  for (size_t i = 0; i < cases.size(); ++i) {
    ASSERT_OK_AND_ASSIGN(const auto alone, RunAlone(loss, cases[i]));
    ASSERT_OK(batched[i]);
    EXPECT_EQ(batched[i]->Bytes(), alone.Bytes()) << i;
  }
}

TEST(CpcTest, GivesTheSameBytesAloneBatchedAndOnManyThreads) {
  const auto loss = MakeCpc(kCacheBytes);
  std::vector<TestCase> cases = {MakeSeedCase(1, 5), MakeSeedCase(2, 5), MakeSeedCase(3, 5)};
  cases[1].request.gradients.names = {"z"};
  std::get<CpcConfig>(cases[2].request.loss).step_weighting = StepWeighting::kUniform;
  ExpectLoneBytes(*loss, cases);
  ExpectLoneBytes(*loss, {MakeCpcTestCase(DrawCpcCase(4, {}), DType::kFloat32),
                          MakeCpcTestCase(DrawCpcCase(5, {}), DType::kFloat32)});
  ExpectLoneBytes(*loss, {MakeCpcTestCase(DrawCpcCase(6, {}), DType::kFloat64),
                          MakeCpcTestCase(DrawCpcCase(7, {}), DType::kFloat64)});
}

TEST(CpcTest, CachedParametersGiveTheBytesOfFreshOnes) {
  const auto cached = MakeCpc(kCacheBytes);
  ASSERT_OK(RunAlone(*cached, MakeSeedCase(1, 9)));
  ASSERT_OK_AND_ASSIGN(const auto second, RunAlone(*cached, MakeSeedCase(2, 9)));
  ASSERT_OK_AND_ASSIGN(const auto fresh, RunAlone(*MakeCpc(0), MakeSeedCase(2, 9)));
  EXPECT_EQ(second.Bytes(), fresh.Bytes());
}

// Those from a seed stand packed in the cache, sent ones are packed while the pass runs. With many dimensions the
// contrast takes more memory than the way back through the network, in whose place it lies.
TEST(CpcTest, SentParametersGiveTheBytesOfTheSameOnesFromASeed) {
  for (const int64_t dim : {8, 2000}) {
    testing::CpcCase values =
        DrawCpcCase(10, {.batch = 3, .channels = 3, .height = 5, .width = 6, .dim = dim, .embed_scale = 0.1});
    const auto drawn = DrawCpcParameters(6, values.channels, values.dim);
    std::transform(drawn.begin(), drawn.end(), values.parameters.begin(),
                   [](const std::vector<float>& p) { return std::vector<double>(p.begin(), p.end()); });
    for (const std::vector<std::string>& wanted : {std::vector<std::string>{"z"}, {"z", "parameters.*"}}) {
      TestCase sent = MakeCpcTestCase(values, DType::kFloat32);
      sent.request.gradients.mode = GradientSelection::Mode::kNamed;
      sent.request.gradients.names = wanted;
      TestCase seeded = sent;
      seeded.inputs.resize(1);
      seeded.request.loss = CpcConfig{.target_dim = dim, .init_seed = 6};
      ASSERT_OK_AND_ASSIGN(const auto from_sent, RunAlone(*MakeCpc(0), sent));
      ASSERT_OK_AND_ASSIGN(const auto from_seed, RunAlone(*MakeCpc(0), seeded));
      EXPECT_EQ(from_sent.objective, from_seed.objective);
      for (size_t input = 0; input <= (wanted.size() > 1 ? kCpcParameters : 0); ++input) {
        EXPECT_EQ(from_sent.gradient(input), from_seed.gradient(input)) << sent.inputs[input].name << " dim " << dim;
      }
    }
  }
}

TEST(CpcTest, EqualScoresGiveTheLogarithmOfTheNumberOfTargets) {
  auto values = DrawCpcCase(8, {.batch = 2, .channels = 2, .height = 5, .width = 4, .embed_scale = 0});
  ASSERT_OK_AND_ASSIGN(const auto result, RunAlone(*MakeCpc(0), MakeCpcTestCase(values, DType::kFloat64)));
  const double expected = std::log(2 * 5 * 4);
  for (const double step : result.output("step_losses")) EXPECT_NEAR(step, expected, 1e-14);
  EXPECT_NEAR(result.objective, 6 * expected, 1e-12);
  EXPECT_THAT(result.gradient(0), Each(0.0));
}

TEST(CpcTest, ScalesGradientsAlone) {
  TestCase test_case = MakeCpcTestCase(DrawCpcCase(9, {}), DType::kFloat32);
  ASSERT_OK_AND_ASSIGN(const auto plain, RunAlone(*MakeCpc(0), test_case));
  test_case.request.gradients.scale = 1024;
  ASSERT_OK_AND_ASSIGN(const auto scaled, RunAlone(*MakeCpc(0), test_case));
  EXPECT_EQ(scaled.objective, plain.objective);
  for (size_t input = 0; input < test_case.inputs.size(); ++input) {
    const std::vector<double> expected = plain.gradient(input);
    const std::vector<double> gradient = scaled.gradient(input);
    for (size_t i = 0; i < gradient.size(); ++i) {
      ASSERT_NEAR(gradient[i], 1024 * expected[i], 1e-6 * std::abs(1024 * expected[i]) + 1e-12);
    }
  }
}

TEST(CpcTest, PassesNanOnToTheLossAndDropsNothing) {
  auto values = DrawCpcCase(10, {});
  values.z[3] = std::nan("");
  ASSERT_OK_AND_ASSIGN(const auto result, RunAlone(*MakeCpc(0), MakeCpcTestCase(values, DType::kFloat32)));
  EXPECT_TRUE(std::isnan(result.objective));
  for (const double step : result.output("step_losses")) EXPECT_TRUE(std::isnan(step));
  EXPECT_TRUE(std::isnan(result.gradient(0)[0]));
}

TEST(CpcTest, WidensSixteenBitInputsBesideFloat32Parameters) {
  TestCase test_case = MakeCpcTestCase(DrawCpcCase(11, {}), DType::kFloat32);
  ASSERT_OK_AND_ASSIGN(const auto wide, RunAlone(*MakeCpc(0), test_case));
  test_case.inputs[0].dtype = DType::kFloat16;
  ASSERT_OK_AND_ASSIGN(const auto narrow, RunAlone(*MakeCpc(0), test_case));
  EXPECT_EQ(narrow.Bytes(), wide.Bytes());
}

TEST(CpcTest, ACancelledTaskEndsCancelledAndLeavesItsCompanyAlone) {
  const auto loss = MakeCpc(kCacheBytes);
  const TestCase test_case = MakeSeedCase(12, 1);
  ASSERT_OK_AND_ASSIGN(const auto expected, RunAlone(*loss, test_case));
  ComputeSpec request = test_case.request;
  request.gradients.mode = GradientSelection::Mode::kNone;
  BufferPool pool(1 << 20);
  std::vector<Tensor> inputs = {testing::MakeTensor(test_case.inputs[0], pool)};
  request.inputs = {inputs[0].spec()};
  ASSERT_OK_AND_ASSIGN(const auto plan, loss->Prepare(request));
  std::vector<Tensor> gradients(45);
  const std::atomic<bool> cancelled = true;
  std::vector<std::vector<Tensor>> outputs(2);
  std::vector<LossTask> tasks(2);
  for (size_t i = 0; i < 2; ++i) {
    for (const TensorSpec& spec : plan->outputs) {
      outputs[i].emplace_back(spec, pool.Allocate(static_cast<size_t>(ByteSize(spec))));
    }
    tasks[i].request = &request;
    tasks[i].plan = plan.get();
    tasks[i].inputs = inputs;
    tasks[i].outputs = absl::MakeSpan(outputs[i]);
    tasks[i].gradients = absl::MakeSpan(gradients);
  }
  tasks[0].cancelled = &cancelled;
  Serial serial;
  LossTask* const batch[] = {&tasks[0], &tasks[1]};
  loss->Run(batch, {.parallel = serial, .pool = pool});
  EXPECT_THAT(tasks[0].status, testing::StatusIs(absl::StatusCode::kCancelled, "cancelled during the computation"));
  EXPECT_OK(tasks[1].status);
  EXPECT_EQ(tasks[1].objective, expected.objective);
}

TEST(CpcTest, TakesTheWorkspaceThatWasPlanned) {
  const auto loss = MakeCpc(kCacheBytes);
  const TestCase test_case = MakeCpcTestCase(DrawCpcCase(13, {}), DType::kFloat32);
  BufferPool outside(0);
  for (const auto mode : {GradientSelection::Mode::kNone, GradientSelection::Mode::kAll}) {
    ComputeSpec request = test_case.request;
    request.gradients.mode = mode;
    std::vector<Tensor> inputs;
    std::vector<Tensor> gradients;
    for (const testing::TestInput& input : test_case.inputs) {
      inputs.push_back(testing::MakeTensor(input, outside));
      request.inputs.push_back(inputs.back().spec());
      gradients.push_back(mode == GradientSelection::Mode::kAll ? testing::MakeTensor(input, outside) : Tensor());
    }
    ASSERT_OK_AND_ASSIGN(const auto plan, loss->Prepare(request));
    std::vector<Tensor> outputs;
    for (const TensorSpec& spec : plan->outputs) outputs.emplace_back(spec, outside.Allocate(64));
    LossTask task;
    task.request = &request;
    task.plan = plan.get();
    task.inputs = inputs;
    task.outputs = absl::MakeSpan(outputs);
    task.gradients = absl::MakeSpan(gradients);
    Serial serial;
    BufferPool pool(size_t{1} << 30);
    LossTask* const batch[] = {&task};
    loss->Run(batch, {.parallel = serial, .pool = pool});
    EXPECT_GE(pool.idle_bytes(), static_cast<size_t>(plan->workspace_bytes));
    EXPECT_LE(pool.idle_bytes(), static_cast<size_t>(plan->workspace_bytes) * 5 / 4) << "one size class";
  }
}

TEST(CpcTest, CountsSeedParametersAndWhatGradientsNeed) {
  const auto loss = MakeCpc(kCacheBytes);
  ComputeSpec request = MakeSeedCase(13, 2).request;
  request.inputs = {{"z", DType::kFloat32, {8, 64, 7, 7}}};
  request.gradients = {};
  const auto planned = [&](GradientSelection::Mode mode, const std::vector<std::string>& names) {
    request.gradients.mode = mode;
    request.gradients.names = names;
    return (*loss->Prepare(request))->workspace_bytes;
  };
  const int64_t none = planned(GradientSelection::Mode::kNone, {});
  const int64_t z = planned(GradientSelection::Mode::kAll, {});
  const int64_t all = planned(GradientSelection::Mode::kNamed, {"z", "parameters.*"});
  EXPECT_GT(none, 4 * 2 * 1'600'000) << "the parameters alone";
  EXPECT_LT(none, z);
  EXPECT_LT(z, all);
}

TEST(CpcTest, DescribesItself) {
  const LossDescription description = MakeCpc(0)->Describe();
  EXPECT_EQ(description.name, "cpc");
  EXPECT_THAT(description.outputs, ::testing::ElementsAre("loss", "step_losses"));
  ASSERT_EQ(description.inputs.size(), 2);
  EXPECT_TRUE(description.inputs[1].optional);
}

}  // namespace
}  // namespace lossd
