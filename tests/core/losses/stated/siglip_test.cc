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

TestCase MakeCase(int64_t rows, int64_t width, SigLipConfig config, bool tensors, DType dtype = DType::kFloat32,
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

constexpr double kScale = 10;
constexpr double kBias = -10;

Complex LossOf(const std::vector<std::vector<Complex>>& scores) {
  Complex sum = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    for (size_t j = 0; j < scores.size(); ++j) sum += SoftplusOf(i == j ? -scores[i][j] : scores[i][j]);
  }
  return sum / static_cast<double>(scores.size());
}

Complex Naive(const TestCase& test_case, const ComplexInputs& inputs) {
  const auto& config = std::get<SigLipConfig>(test_case.request.loss);
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
  ExpectAgrees(*MakeTileLoss(SigLipConfig{}), test_case, Naive, /*kappa=*/20, /*amplification=*/4, 12);
}

TEST(SigLipTest, AgreesWithPlainLoops) {
  for (const auto& [rows, width] : {std::pair(1, 3), std::pair(2, 1), std::pair(17, 5), std::pair(60, 33)}) {
    for (const bool normalize : {false, true}) {
      for (const bool tensors : {false, true}) Check(MakeCase(rows, width, {.normalize = normalize}, tensors));
    }
  }
}

TEST(SigLipTest, AgreesWhereItIsCut) { Check(MakeCase(520, 3, {.normalize = true}, true)); }

TEST(SigLipTest, AgreesInFloat64) { Check(MakeCase(23, 6, {.normalize = true}, true, DType::kFloat64)); }

TEST(SigLipTest, TakesScaleAndBiasFromTheConfiguration) {
  for (const double scale : {0.0, -3.0, 5.0}) {
    Check(MakeCase(9, 4, {.normalize = true, .logit_scale = scale, .logit_bias = 1.5}, false));
  }
}

TEST(SigLipTest, ComputesTheGradientOfTheScaleAlone) {
  TestCase test_case = MakeCase(300, 4, {.normalize = true}, true);
  const auto loss = MakeTileLoss(SigLipConfig{});
  ASSERT_OK_AND_ASSIGN(const TestResult all, RunAlone(*loss, test_case));
  test_case.request.gradients.mode = GradientSelection::Mode::kNamed;
  test_case.request.gradients.names = {"logit_scale"};
  ASSERT_OK_AND_ASSIGN(const TestResult one, RunAlone(*loss, test_case));
  EXPECT_EQ(one.gradient(2), all.gradient(2));
}

TEST(SigLipTest, RefusesWhatHasNoMeaning) {
  const std::string field = "loss.siglip.";
  ExpectRefused(MakeCase(3, 2, {.logit_scale = NAN}, false), field + "logit_scale", "expected a finite value, got nan");
  ExpectRefused(MakeCase(3, 2, {.logit_bias = HUGE_VAL}, false), field + "logit_bias",
                "expected a finite value, got inf");
  ExpectRefused(MakeCase(3, 2, {.logit_scale = 2}, true), field + "logit_scale",
                "expected nothing beside inputs[logit_scale], got 2");
  TestCase test_case = MakeCase(3, 2, {}, true);
  test_case.inputs[3] = {"logit_bias", {2}, {1, 1}};
  ExpectRefused(test_case, "inputs[logit_bias].shape", "expected [] or [1], got [2]");
}

// Tiny terms of a million pairs are added up, not lost beside 1.
TEST(SigLipTest, AddsUpSmallTerms) {
  TestCase test_case = MakeCase(1000, 2, {.logit_scale = 0, .logit_bias = -16}, false);
  ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeTileLoss(SigLipConfig{}), test_case));
  EXPECT_NEAR(result.objective, 999 * std::log1p(std::exp(-16.0)) + 16 + std::log1p(std::exp(-16.0)), 1e-6 * 16);
}

}  // namespace
}  // namespace lossd::testing
