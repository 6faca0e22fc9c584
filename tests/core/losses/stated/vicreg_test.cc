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

TestCase MakeCase(int64_t rows, int64_t width, VicRegConfig config, DType dtype = DType::kFloat32,
                  double deviation = 0.9, uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  TestCase test_case;
  test_case.request.loss = config;
  for (const char* name : {"z_1", "z_2"}) {
    test_case.inputs.push_back(NormalInput(name, {rows, width}, random, dtype, deviation));
  }
  return test_case;
}

// Covariance of columns d and e of rows z.
Complex Covariance(const std::vector<std::vector<Complex>>& z, size_t d, size_t e) {
  const auto rows = static_cast<double>(z.size());
  Complex mean_d = 0;
  Complex mean_e = 0;
  for (const auto& row : z) mean_d += row[d] / rows;
  for (const auto& row : z) mean_e += row[e] / rows;
  Complex sum = 0;
  for (const auto& row : z) sum += (row[d] - mean_d) * (row[e] - mean_e);
  return sum / (rows - 1);
}

struct Terms {
  Complex invariance = 0;
  Complex variance = 0;
  Complex covariance = 0;
};

Terms NaiveTerms(const TestCase& test_case, const ComplexInputs& inputs) {
  const auto& config = std::get<VicRegConfig>(test_case.request.loss);
  const auto width = static_cast<size_t>(test_case.inputs[0].shape[1]);
  Terms terms;
  for (size_t i = 0; i < inputs[0].size(); ++i) {
    const Complex distance = inputs[0][i] - inputs[1][i];
    terms.invariance += distance * distance / static_cast<double>(inputs[0].size());
  }
  for (const auto& input : inputs) {
    const auto z = RowsOf(input, width, false);
    for (size_t d = 0; d < width; ++d) {
      const Complex missing = 1.0 - std::sqrt(Covariance(z, d, d) + config.eps);
      if (missing.real() > 0) terms.variance += 0.5 * missing / static_cast<double>(width);
      for (size_t e = 0; e < width; ++e) {
        if (e != d) terms.covariance += std::pow(Covariance(z, d, e), 2) / static_cast<double>(width);
      }
    }
  }
  return terms;
}

Complex Naive(const TestCase& test_case, const ComplexInputs& inputs) {
  const auto& config = std::get<VicRegConfig>(test_case.request.loss);
  const Terms terms = NaiveTerms(test_case, inputs);
  return config.invariance_weight * terms.invariance + config.variance_weight * terms.variance +
         config.covariance_weight * terms.covariance;
}

void Check(const TestCase& test_case) { ExpectAgrees(*MakeTileLoss(VicRegConfig{}), test_case, Naive, 4, 4, 6); }

TEST(VicRegTest, AgreesWithPlainLoops) {
  for (const auto& [rows, width] : {std::pair(2, 3), std::pair(3, 1), std::pair(17, 5), std::pair(40, 33)}) {
    Check(MakeCase(rows, width, {}));
  }
}

TEST(VicRegTest, AgreesWhereItIsCut) { Check(MakeCase(5, 150, {})); }

TEST(VicRegTest, AgreesInFloat64) { Check(MakeCase(20, 7, {}, DType::kFloat64)); }

TEST(VicRegTest, TermsComeWithoutTheirWeights) {
  const TestCase test_case =
      MakeCase(9, 4, {.invariance_weight = 2, .variance_weight = 3, .covariance_weight = 0.5, .eps = 0.01});
  ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeTileLoss(VicRegConfig{}), test_case));
  const Terms terms = NaiveTerms(test_case, StoredInputs(test_case));
  EXPECT_NEAR(result.output("invariance")[0], terms.invariance.real(), 1e-5);
  EXPECT_NEAR(result.output("variance")[0], terms.variance.real(), 1e-5);
  EXPECT_NEAR(result.output("covariance")[0], terms.covariance.real(), 1e-5);
  Check(test_case);
}

TEST(VicRegTest, TermsOfWeightZeroDoNotEnter) {
  TestCase test_case = MakeCase(9, 4, {.variance_weight = 0, .covariance_weight = 0});
  Check(test_case);
  test_case.inputs[0].values[3] = 1e25;  // The square of its variance is more than a float holds.
  test_case.inputs[1].values[3] = 1e25;
  ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeTileLoss(VicRegConfig{}), test_case));
  EXPECT_TRUE(std::isfinite(result.objective));
  for (const double g : result.gradient(0)) EXPECT_TRUE(std::isfinite(g));
}

TEST(VicRegTest, WideColumnsHaveNoHinge) {
  Check(MakeCase(30, 4, {.invariance_weight = 0, .covariance_weight = 0}, DType::kFloat32, 5));
}

TEST(VicRegTest, ConstantColumnsHaveAFiniteGradient) {
  TestCase test_case = MakeCase(6, 3, {.eps = 0});
  for (TestInput& input : test_case.inputs) std::fill(input.values.begin(), input.values.end(), 2.0);
  ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeTileLoss(VicRegConfig{}), test_case));
  EXPECT_EQ(result.output("variance")[0], 1);
  EXPECT_THAT(result.gradient(0), ::testing::Each(0.0));
}

TEST(VicRegTest, RefusesWhatHasNoMeaning) {
  const std::string text = "expected a finite value >= 0, got -1";
  ExpectRefused(MakeCase(3, 2, {.invariance_weight = -1}), "loss.vicreg.invariance_weight", text);
  ExpectRefused(MakeCase(3, 2, {.variance_weight = -1}), "loss.vicreg.variance_weight", text);
  ExpectRefused(MakeCase(3, 2, {.covariance_weight = -1}), "loss.vicreg.covariance_weight", text);
  ExpectRefused(MakeCase(3, 2, {.eps = -1}), "loss.vicreg.eps", text);
  ExpectRefused(MakeCase(1, 2, {}), "inputs[z_1].shape", "expected at least 2 rows, got 1");
}

}  // namespace
}  // namespace lossd::testing
