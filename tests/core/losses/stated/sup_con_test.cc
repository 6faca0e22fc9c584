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

TestCase MakeCase(int64_t rows, int64_t width, SupConConfig config, int64_t classes, DType dtype = DType::kFloat32,
                  DType labels = DType::kInt64, uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  TestCase test_case;
  test_case.request.loss = config;
  test_case.inputs.push_back(NormalInput("features", {rows, width}, random, dtype));
  TestInput& input = test_case.inputs.emplace_back(TestInput{"labels", {rows}, {}, labels});
  for (int64_t i = 0; i < rows; ++i) input.values.push_back(static_cast<double>(random() % classes) - 2);
  return test_case;
}

Complex Naive(const TestCase& test_case, const ComplexInputs& inputs) {
  const auto& config = std::get<SupConConfig>(test_case.request.loss);
  const auto rows = RowsOf(inputs[0], static_cast<size_t>(test_case.inputs[0].shape[1]), config.normalize);
  Complex total = 0;
  int counted = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    std::vector<Complex> scores;
    Complex positives = 0;
    int count = 0;
    for (size_t k = 0; k < rows.size(); ++k) {
      if (k == i) continue;
      scores.push_back(Dot(rows[i], rows[k]) / config.temperature);
      if (inputs[1][k] != inputs[1][i]) continue;
      positives += scores.back();
      ++count;
    }
    if (count == 0) continue;
    total += LogSumExp(scores) - positives / static_cast<double>(count);
    ++counted;
  }
  return counted == 0 ? 0 : total / static_cast<double>(counted);
}

void Check(const TestCase& test_case, double kappa = 10) {
  ExpectAgrees(*MakeTileLoss(SupConConfig{}), test_case, Naive, kappa, 4, 12);
}

TEST(SupConTest, AgreesWithPlainLoops) {
  for (const auto& [rows, width] : {std::pair(2, 3), std::pair(3, 1), std::pair(17, 5), std::pair(70, 33)}) {
    for (const int64_t classes : {1, 2, 5, 1000}) Check(MakeCase(rows, width, {}, classes));
  }
}

TEST(SupConTest, AgreesWhereItIsCut) {
  Check(MakeCase(600, 3, {}, 4));
  Check(MakeCase(530, 2, {}, 300));
}

TEST(SupConTest, TakesLabelsOfBothWidths) {
  Check(MakeCase(20, 5, {}, 3, DType::kFloat32, DType::kInt32));
  Check(MakeCase(20, 5, {}, 3, DType::kFloat64, DType::kInt32));
}

TEST(SupConTest, AgreesInFloat64) { Check(MakeCase(30, 7, {.temperature = 0.05}, 4, DType::kFloat64), 20); }

TEST(SupConTest, WithoutNormalisationScoresAreProducts) {
  Check(MakeCase(30, 7, {.temperature = 1, .normalize = false}, 4), 20);
}

// A lone positive's gradient is minus the sum of the others: exact where its probability is nearly 1.
TEST(SupConTest, StaysAccurateAtLowTemperatures) {
  for (const double temperature : {0.05, 0.02}) {
    TestCase test_case = MakeCase(40, 16, {.temperature = temperature}, 1);
    std::mt19937_64 random(3);
    for (int64_t i = 0; i < 40; ++i) {
      test_case.inputs[1].values[i] = std::floor(static_cast<double>(i) / 2);
      for (int64_t c = 0; i % 2 == 1 && c < 16; ++c) {
        test_case.inputs[0].values[i * 16 + c] =
            test_case.inputs[0].values[(i - 1) * 16 + c] + 0.3 * Normal(1, random)[0];
      }
    }
    Check(test_case, 1 / temperature);
  }
}

TEST(SupConTest, IsZeroWithoutPositives) {
  for (const int64_t rows : {1, 7, 300}) {
    TestCase test_case = MakeCase(rows, 3, {}, 1);
    for (int64_t i = 0; i < rows; ++i) test_case.inputs[1].values[i] = static_cast<double>(i);
    ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeTileLoss(SupConConfig{}), test_case));
    EXPECT_EQ(result.objective, 0);
    EXPECT_THAT(result.gradient(0), ::testing::Each(0.0));
  }
}

TEST(SupConTest, LabelsMeanNothingButWhetherTheyAreEqual) {
  TestCase test_case = MakeCase(50, 3, {}, 4);
  const auto loss = MakeTileLoss(SupConConfig{});
  ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*loss, test_case));
  for (double& label : test_case.inputs[1].values) label = 1e15 * label + 1;
  ASSERT_OK_AND_ASSIGN(const TestResult renamed, RunAlone(*loss, test_case));
  EXPECT_NEAR(renamed.objective, result.objective, 1e-6);
  Check(test_case);
}

TEST(SupConTest, RefusesWhatHasNoMeaning) {
  ExpectRefused(MakeCase(3, 2, {.temperature = -1}, 2), "loss.sup_con.temperature",
                "expected a finite value > 0, got -1");
  TestCase test_case = MakeCase(3, 2, {}, 2);
  test_case.inputs[1] = {"labels", {3}, {0, 1, 1}, DType::kFloat32};
  ExpectRefused(test_case, "inputs[labels].dtype", "expected INT32 or INT64, got FLOAT32");
  test_case.inputs[1] = {"labels", {4}, {0, 1, 1, 0}, DType::kInt32};
  ExpectRefused(test_case, "inputs[labels].shape", "expected [N] with N = 3 as in inputs[features], got [4]");
  test_case.inputs[0] = {"features", {3, 2}, std::vector<double>(6), DType::kInt32};
  ExpectRefused(test_case, "inputs[features].dtype", "expected a floating type, got INT32");
  test_case.inputs.pop_back();
  ExpectRefused(test_case, "inputs[labels]", "missing, expected a tensor of this name");
}

}  // namespace
}  // namespace lossd::testing
