// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "core/losses/registry.h"
#include "gtest/gtest.h"
#include "tests/support/complex_step.h"
#include "tests/support/refusals.h"

namespace lossd::testing {
namespace {

TestCase MakeCase(int64_t rows, int64_t width, ClipConfig config, bool tensors, DType dtype = DType::kFloat32,
                  uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  TestCase test_case;
  test_case.request.loss = config;
  const double deviation = config.normalize ? 1 : 0.3;
  test_case.inputs.push_back(NormalInput("image", {rows, width}, random, dtype, deviation));
  test_case.inputs.push_back(NormalInput("text", {rows, width}, random, dtype, deviation));
  if (!tensors) return test_case;
  test_case.inputs.push_back({"logit_scale", {}, {7.5}, dtype});
  test_case.inputs.push_back({"logit_bias", {1}, {-2.25}, dtype});
  return test_case;
}

constexpr double kScale = 1 / 0.07;
constexpr double kBias = 0;

Complex LossOf(const std::vector<std::vector<Complex>>& scores) {
  const size_t rows = scores.size();
  Complex sum = 0;
  for (size_t i = 0; i < rows; ++i) {
    std::vector<Complex> column;
    for (size_t j = 0; j < rows; ++j) column.push_back(scores[j][i]);
    sum += LogSumExp(scores[i]) + LogSumExp(column) - 2.0 * scores[i][i];
  }
  return sum / static_cast<double>(2 * rows);
}

Complex Naive(const TestCase& test_case, const ComplexInputs& inputs) {
  const auto& config = std::get<ClipConfig>(test_case.request.loss);
  const auto width = static_cast<size_t>(test_case.inputs[0].shape[1]);
  const auto image = RowsOf(inputs[0], width, config.normalize);
  const auto text = RowsOf(inputs[1], width, config.normalize);
  const size_t scale = IndexOf(test_case, "logit_scale");
  const size_t bias = IndexOf(test_case, "logit_bias");
  const Complex a = scale < inputs.size() ? inputs[scale][0] : config.logit_scale.value_or(kScale);
  const Complex b = bias < inputs.size() ? inputs[bias][0] : config.logit_bias.value_or(kBias);
  std::vector<std::vector<Complex>> scores(image.size());
  for (size_t i = 0; i < image.size(); ++i) {
    for (size_t j = 0; j < text.size(); ++j) scores[i].push_back(a * Dot(image[i], text[j]) + b);
  }
  return LossOf(scores);
}

void Check(const TestCase& test_case) {
  ExpectAgrees(*MakeTileLoss(ClipConfig{}), test_case, Naive, /*kappa=*/20, /*amplification=*/4, 12);
}

TEST(ClipTest, AgreesWithPlainLoops) {
  for (const auto& [rows, width] : {std::pair(1, 3), std::pair(2, 1), std::pair(17, 5), std::pair(60, 33)}) {
    for (const bool normalize : {false, true}) {
      for (const bool tensors : {false, true}) Check(MakeCase(rows, width, {.normalize = normalize}, tensors));
    }
  }
}

TEST(ClipTest, AgreesWhereItIsCut) { Check(MakeCase(520, 3, {.normalize = true}, true)); }

TEST(ClipTest, AgreesInFloat64) { Check(MakeCase(23, 6, {.normalize = true}, true, DType::kFloat64)); }

TEST(ClipTest, TakesScaleAndBiasFromTheConfiguration) {
  for (const double scale : {0.0, -3.0, 5.0}) {
    Check(MakeCase(9, 4, {.normalize = true, .logit_scale = scale, .logit_bias = 1.5}, false));
  }
}

TEST(ClipTest, ComputesTheGradientOfTheScaleAlone) {
  TestCase test_case = MakeCase(300, 4, {.normalize = true}, true);
  const auto loss = MakeTileLoss(ClipConfig{});
  ASSERT_OK_AND_ASSIGN(const TestResult all, RunAlone(*loss, test_case));
  test_case.request.gradients.mode = GradientSelection::Mode::kNamed;
  test_case.request.gradients.names = {"logit_scale"};
  ASSERT_OK_AND_ASSIGN(const TestResult one, RunAlone(*loss, test_case));
  EXPECT_EQ(one.gradient(2), all.gradient(2));
}

TEST(ClipTest, RefusesWhatHasNoMeaning) {
  const std::string field = "loss.clip.";
  ExpectRefused(MakeCase(3, 2, {.logit_scale = NAN}, false), field + "logit_scale", "expected a finite value, got nan");
  ExpectRefused(MakeCase(3, 2, {.logit_bias = HUGE_VAL}, false), field + "logit_bias",
                "expected a finite value, got inf");
  ExpectRefused(MakeCase(3, 2, {.logit_scale = 2}, true), field + "logit_scale",
                "expected nothing beside inputs[logit_scale], got 2");
  TestCase test_case = MakeCase(3, 2, {}, true);
  test_case.inputs[3] = {"logit_bias", {2}, {1, 1}};
  ExpectRefused(test_case, "inputs[logit_bias].shape", "expected [] or [1], got [2]");
}

TEST(ClipTest, DoesNotDependOnTheBias) {
  const auto loss = MakeTileLoss(ClipConfig{});
  ASSERT_OK_AND_ASSIGN(const TestResult with, RunAlone(*loss, MakeCase(9, 4, {.logit_bias = 40}, false)));
  ASSERT_OK_AND_ASSIGN(const TestResult without, RunAlone(*loss, MakeCase(9, 4, {}, false)));
  EXPECT_EQ(with.Bytes(), without.Bytes());
  ASSERT_OK_AND_ASSIGN(const TestResult tensors, RunAlone(*loss, MakeCase(9, 4, {}, true)));
  EXPECT_EQ(tensors.gradient(3), std::vector<double>{0});
}

}  // namespace
}  // namespace lossd::testing
