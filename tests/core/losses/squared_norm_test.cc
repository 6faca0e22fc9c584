// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <atomic>
#include <cmath>
#include <random>

#include "core/losses/loss.h"
#include "tests/support/loss_runs.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::RunAlone;
using ::lossd::testing::RunBatch;
using ::lossd::testing::ShuffledParallel;
using ::lossd::testing::StatusIs;
using ::lossd::testing::TestCase;
using ::lossd::testing::TestInput;
using ::testing::ElementsAre;

TestCase MakeCase(std::vector<TestInput> inputs) {
  TestCase test_case;
  test_case.request.loss = SquaredNormConfig{};
  test_case.inputs = std::move(inputs);
  return test_case;
}

TestCase MakeLargeCase(uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  std::vector<double> values(300'001);
  for (double& value : values) value = normal(engine);
  return MakeCase({{"x.0", {300'001}, values}, {"x.1", {3}, {1, 2, 3}}});
}

TEST(SquaredNormTest, IsHalfTheSumOfSquaresWithTheInputAsGradient) {
  const auto loss = MakeSquaredNorm();
  ASSERT_OK_AND_ASSIGN(const auto result, RunAlone(*loss, MakeCase({{"x.0", {2}, {3, -4}}, {"x.1", {}, {2}}})));
  EXPECT_EQ(result.objective, 14.5);
  EXPECT_THAT(result.output("loss"), ElementsAre(14.5));
  EXPECT_THAT(result.gradient(0), ElementsAre(3, -4));
  EXPECT_THAT(result.gradient(1), ElementsAre(2));
}

TEST(SquaredNormTest, ScalesGradientsAlone) {
  TestCase test_case = MakeCase({{"x.0", {2}, {3, -4}}});
  test_case.request.gradients.scale = 1024;
  ASSERT_OK_AND_ASSIGN(const auto result, RunAlone(*MakeSquaredNorm(), test_case));
  EXPECT_EQ(result.objective, 12.5);
  EXPECT_THAT(result.gradient(0), ElementsAre(3072, -4096));
}

TEST(SquaredNormTest, CountsIntegersWithoutGradient) {
  ASSERT_OK_AND_ASSIGN(const auto result,
                       RunAlone(*MakeSquaredNorm(), MakeCase({{"x.0", {2}, {1, 2}, DType::kInt32},
                                                              {"x.1", {1}, {3}, DType::kInt64},
                                                              {"x.2", {1}, {255}, DType::kUint8},
                                                              {"x.3", {1}, {0.5}, DType::kFloat64}})));
  EXPECT_EQ(result.objective, 0.5 * (1 + 4 + 9 + 65025 + 0.25));
  EXPECT_EQ(result.outputs[0].spec().dtype, DType::kFloat64);
  EXPECT_FALSE(result.gradients[0].buffer());
  EXPECT_THAT(result.gradient(3), ElementsAre(0.5));
}

TEST(SquaredNormTest, TakesEmptyInputs) {
  ASSERT_OK_AND_ASSIGN(const auto result, RunAlone(*MakeSquaredNorm(), MakeCase({{"x.0", {0, 3}, {}}})));
  EXPECT_EQ(result.objective, 0);
}

TEST(SquaredNormTest, ComputesNoGradientThatIsNotWanted) {
  TestCase test_case = MakeCase({{"x.0", {1}, {3}}, {"x.1", {1}, {4}}});
  test_case.request.gradients.mode = GradientSelection::Mode::kNamed;
  test_case.request.gradients.names = {"x.1"};
  ASSERT_OK_AND_ASSIGN(const auto result, RunAlone(*MakeSquaredNorm(), test_case));
  EXPECT_FALSE(result.gradients[0].buffer());
  EXPECT_THAT(result.gradient(1), ElementsAre(4));
}

TEST(SquaredNormTest, PassesOnNonfiniteValues) {
  ASSERT_OK_AND_ASSIGN(const auto result, RunAlone(*MakeSquaredNorm(), MakeCase({{"x.0", {2}, {NAN, INFINITY}}})));
  EXPECT_TRUE(std::isnan(result.objective));
  EXPECT_TRUE(std::isnan(result.gradient(0)[0]));
  EXPECT_EQ(result.gradient(0)[1], INFINITY);
}

TEST(SquaredNormTest, GivesTheSameBytesAloneBatchedAndOnManyThreads) {
  const auto loss = MakeSquaredNorm();
  const std::vector<TestCase> cases = {MakeLargeCase(1), MakeLargeCase(2), MakeLargeCase(3)};
  ShuffledParallel shuffled(3, 7);
  const auto batched = RunBatch(*loss, cases, shuffled);
  for (size_t i = 0; i < cases.size(); ++i) {
    ASSERT_OK_AND_ASSIGN(const auto alone, RunAlone(*loss, cases[i]));
    ASSERT_OK(batched[i]);
    EXPECT_EQ(batched[i]->Bytes(), alone.Bytes());
  }
}

TEST(SquaredNormTest, RefusesStrangeInputs) {
  const auto loss = MakeSquaredNorm();
  EXPECT_THAT(RunAlone(*loss, MakeCase({})),
              StatusIs(absl::StatusCode::kInvalidArgument, "inputs[x.0]: missing, expected a tensor of this name"));
  EXPECT_THAT(RunAlone(*loss, MakeCase({{"y.0", {}, {1}}})),
              StatusIs(absl::StatusCode::kInvalidArgument, "inputs[y.0]: unknown input, expected x.0, ..."));
  EXPECT_THAT(RunAlone(*loss, MakeCase({{"x.0", {}, {1}, DType::kFloat64}, {"x.1", {}, {1}, DType::kFloat16}})),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "inputs[x.1].dtype: FLOAT64 cannot be mixed with narrower types, got FLOAT16 beside FLOAT64 of "
                       "inputs[x.0]"));
}

}  // namespace
}  // namespace lossd
