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

TestCase MakeCase(int64_t rows, int64_t width, BarlowTwinsConfig config, DType dtype = DType::kFloat32,
                  double distance = 1, uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  TestCase test_case;
  test_case.request.loss = config;
  test_case.inputs.push_back(NormalInput("z_1", {rows, width}, random, dtype));
  test_case.inputs.push_back(NormalInput("z_2", {rows, width}, random, dtype, distance));
  for (size_t i = 0; i < test_case.inputs[1].values.size(); ++i) {
    test_case.inputs[1].values[i] += test_case.inputs[0].values[i];
  }
  return test_case;
}

// Column d of rows z, centred and divided by its deviation.
std::vector<Complex> Standardised(const std::vector<std::vector<Complex>>& z, size_t d, double eps) {
  const auto rows = static_cast<double>(z.size());
  Complex mean = 0;
  for (const auto& row : z) mean += row[d] / rows;
  Complex variance = 0;
  for (const auto& row : z) variance += (row[d] - mean) * (row[d] - mean) / rows;
  std::vector<Complex> column;
  for (const auto& row : z) column.push_back((row[d] - mean) / std::sqrt(variance + eps));
  return column;
}

Complex Naive(const TestCase& test_case, const ComplexInputs& inputs) {
  const auto& config = std::get<BarlowTwinsConfig>(test_case.request.loss);
  const auto width = static_cast<size_t>(test_case.inputs[0].shape[1]);
  const auto first = RowsOf(inputs[0], width, false);
  const auto second = RowsOf(inputs[1], width, false);
  std::vector<std::vector<Complex>> a;
  std::vector<std::vector<Complex>> b;
  for (size_t d = 0; d < width; ++d) a.push_back(Standardised(first, d, config.eps));
  for (size_t d = 0; d < width; ++d) b.push_back(Standardised(second, d, config.eps));
  Complex loss = 0;
  for (size_t d = 0; d < width; ++d) {
    for (size_t e = 0; e < width; ++e) {
      const Complex c = Dot(a[d], b[e]) / static_cast<double>(first.size());
      loss += d == e ? (c - 1.0) * (c - 1.0) : config.lambda * c * c;
    }
  }
  return loss;
}

void Check(const TestCase& test_case) { ExpectAgrees(*MakeTileLoss(BarlowTwinsConfig{}), test_case, Naive, 4, 4, 6); }

TEST(BarlowTwinsTest, AgreesWithPlainLoops) {
  for (const auto& [rows, width] : {std::pair(2, 3), std::pair(3, 1), std::pair(17, 5), std::pair(40, 33)}) {
    Check(MakeCase(rows, width, {}));
    Check(MakeCase(rows, width, {.lambda = 1, .eps = 0.01}));
  }
}

TEST(BarlowTwinsTest, AgreesWhereItIsCut) { Check(MakeCase(5, 140, {})); }

TEST(BarlowTwinsTest, AgreesInFloat64) { Check(MakeCase(20, 7, {}, DType::kFloat64)); }

// The diagonal is 1 less what the views differ by: formed without 1.
TEST(BarlowTwinsTest, StaysAccurateWhereViewsAreNearlyEqual) {
  Check(MakeCase(30, 8, {.lambda = 0}, DType::kFloat32, 1e-3));
}

TEST(BarlowTwinsTest, TermsComeWithoutWeight) {
  const auto loss = MakeTileLoss(BarlowTwinsConfig{});
  ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*loss, MakeCase(9, 4, {.lambda = 0.25})));
  EXPECT_NEAR(result.objective, result.output("invariance")[0] + 0.25 * result.output("redundancy")[0], 1e-6);
  ASSERT_OK_AND_ASSIGN(const TestResult other, RunAlone(*loss, MakeCase(9, 4, {.lambda = 7})));
  EXPECT_EQ(other.output("redundancy"), result.output("redundancy"));
}

TEST(BarlowTwinsTest, ConstantColumnsAreUncorrelated) {
  TestCase test_case = MakeCase(6, 3, {.eps = 0});
  for (TestInput& input : test_case.inputs) std::fill(input.values.begin(), input.values.end(), 2.0);
  ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeTileLoss(BarlowTwinsConfig{}), test_case));
  EXPECT_EQ(result.objective, 3);
  EXPECT_THAT(result.gradient(0), ::testing::Each(0.0));
}

TEST(BarlowTwinsTest, RefusesWhatHasNoMeaning) {
  ExpectRefused(MakeCase(3, 2, {.lambda = -1}), "loss.barlow_twins.lambda", "expected a finite value >= 0, got -1");
  ExpectRefused(MakeCase(3, 2, {.eps = NAN}), "loss.barlow_twins.eps", "expected a finite value >= 0, got nan");
  ExpectRefused(MakeCase(1, 2, {}), "inputs[z_1].shape", "expected at least 2 rows, got 1");
}

}  // namespace
}  // namespace lossd::testing
