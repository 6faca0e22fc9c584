// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/cpc/cpc_pass.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "core/losses/loss.h"
#include "gtest/gtest.h"
#include "tests/support/cpc_oracle.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::CpcCase;
using ::lossd::testing::DrawCpcCase;
using ::lossd::testing::MakeCpcTestCase;
using ::lossd::testing::NaiveCpc;
using ::lossd::testing::RunAlone;
using ::lossd::testing::TestCase;

std::vector<CpcCase> ManyShapes() {
  return {DrawCpcCase(31, {.batch = 1, .channels = 1, .height = 3, .width = 3, .dim = 1}),
          DrawCpcCase(32, {.batch = 3, .channels = 2, .height = 3, .width = 5, .dim = 7, .embed_scale = -0.7}),
          DrawCpcCase(33, {.batch = 2, .channels = 4, .height = 6, .width = 3, .dim = 65}),
          DrawCpcCase(34, {.batch = 2, .channels = 3, .height = 5, .width = 5, .weighting = StepWeighting::kUniform})};
}

TEST(CpcPassTest, LossAgreesWithTheDefinition) {
  const auto loss = MakeCpc(0);
  for (const CpcCase& values : ManyShapes()) {
    const testing::NaiveCpcResult expected = NaiveCpc(values);
    for (const DType dtype : {DType::kFloat32, DType::kFloat64}) {
      ASSERT_OK_AND_ASSIGN(const auto result, RunAlone(*loss, MakeCpcTestCase(values, dtype)));
      const double relative = dtype == DType::kFloat64 ? 1e-12 : 1e-6;
      EXPECT_NEAR(result.objective, expected.loss, relative * std::max(1.0, expected.loss));
      const std::vector<double> steps = result.output("step_losses");
      ASSERT_EQ(steps.size(), expected.step_losses.size());
      for (size_t i = 0; i < steps.size(); ++i) EXPECT_NEAR(steps[i], expected.step_losses[i], relative * 10);
    }
  }
}

TEST(CpcPassTest, AllGradientsAgreeWithCentralDifferences) {
  const auto loss = MakeCpc(0);
  std::mt19937_64 engine(5);
  const TestCase test_case =
      MakeCpcTestCase(DrawCpcCase(35, {.batch = 2, .channels = 3, .height = 5, .width = 4, .dim = 6}), DType::kFloat64);
  ASSERT_OK_AND_ASSIGN(const auto result, RunAlone(*loss, test_case));
  for (size_t input = 0; input < test_case.inputs.size(); ++input) {
    const std::vector<double> gradient = result.gradient(input);
    double largest = 0;
    for (const double g : gradient) largest = std::max(largest, std::abs(g));
    for (int draw = 0; draw < 4; ++draw) {
      const size_t element = engine() % gradient.size();
      EXPECT_NEAR(gradient[element], CentralDifference(*loss, test_case, input, element),
                  1e-6 * std::max(largest, 1e-3))
          << test_case.inputs[input].name << "[" << element << "]";
    }
  }
}

TEST(CpcPassTest, AnySelectionGivesTheBytesOfAllGradients) {
  const auto loss = MakeCpc(0);
  TestCase test_case = MakeCpcTestCase(DrawCpcCase(36, {}), DType::kFloat32);
  ASSERT_OK_AND_ASSIGN(const auto all, RunAlone(*loss, test_case));
  for (size_t input = 0; input < test_case.inputs.size(); ++input) {
    test_case.request.gradients.mode = GradientSelection::Mode::kNamed;
    test_case.request.gradients.names = {test_case.inputs[input].name};
    ASSERT_OK_AND_ASSIGN(const auto one, RunAlone(*loss, test_case));
    EXPECT_EQ(one.objective, all.objective);
    EXPECT_EQ(one.gradient(input), all.gradient(input)) << test_case.inputs[input].name;
  }
  test_case.request.gradients.mode = GradientSelection::Mode::kNone;
  ASSERT_OK_AND_ASSIGN(const auto none, RunAlone(*loss, test_case));
  EXPECT_EQ(none.objective, all.objective);
}

TEST(CpcPassTest, PermutingTheBatchPermutesTheGradientOfZ) {
  const auto loss = MakeCpc(0);
  CpcCase values = DrawCpcCase(37, {.batch = 3});
  ASSERT_OK_AND_ASSIGN(const auto result, RunAlone(*loss, MakeCpcTestCase(values, DType::kFloat64)));
  const auto image = static_cast<std::ptrdiff_t>(values.z.size() / 3);
  std::rotate(values.z.begin(), values.z.begin() + image, values.z.end());
  ASSERT_OK_AND_ASSIGN(const auto rotated, RunAlone(*loss, MakeCpcTestCase(values, DType::kFloat64)));
  EXPECT_NEAR(rotated.objective, result.objective, 1e-12 * result.objective);
  std::vector<double> expected = result.gradient(0);
  std::rotate(expected.begin(), expected.begin() + image, expected.end());
  const std::vector<double> gradient = rotated.gradient(0);
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(gradient[i], expected[i], 1e-13);
}

TEST(CpcPassTest, GradientOfTheTargetBiasIsExactlyZero) {
  ASSERT_OK_AND_ASSIGN(const auto result, RunAlone(*MakeCpc(0), MakeCpcTestCase(DrawCpcCase(38, {}), DType::kFloat32)));
  for (const double g : result.gradient(1 + kTargetBias)) EXPECT_EQ(g, 0);
}

}  // namespace
}  // namespace lossd
