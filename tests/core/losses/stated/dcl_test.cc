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

TestCase MakeCase(int64_t rows, int64_t width, DclConfig config, DType dtype = DType::kFloat32, uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  TestCase test_case;
  test_case.request.loss = config;
  for (const char* name : {"out_1", "out_2"}) {
    test_case.inputs.push_back(NormalInput(name, {rows, width}, random, dtype));
  }
  return test_case;
}

// Weights are without gradient: taken from the real parts.
std::vector<double> Weights(const std::vector<std::vector<Complex>>& a, const std::vector<std::vector<Complex>>& b,
                            const DclConfig& config) {
  std::vector<double> weights(a.size(), 1.0);
  if (!config.weight_sigma.has_value()) return weights;
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::exp(Dot(a[i], b[i]).real() / *config.weight_sigma);
  for (size_t i = 0; i < a.size(); ++i) {
    weights[i] = 2 - static_cast<double>(a.size()) * std::exp(Dot(a[i], b[i]).real() / *config.weight_sigma) / sum;
  }
  return weights;
}

Complex OfView(const std::vector<std::vector<Complex>>& a, const std::vector<std::vector<Complex>>& b,
               const DclConfig& config) {
  const std::vector<double> weights = Weights(a, b, config);
  Complex total = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    std::vector<Complex> scores;
    for (size_t k = 0; k < a.size(); ++k) {
      if (k != i) scores.push_back(Dot(a[i], a[k]) / config.temperature);
      if (k != i) scores.push_back(Dot(a[i], b[k]) / config.temperature);
    }
    total += LogSumExp(scores) - weights[i] * Dot(a[i], b[i]) / config.temperature;
  }
  return total / static_cast<double>(a.size());
}

Complex Naive(const TestCase& test_case, const ComplexInputs& inputs) {
  const auto& config = std::get<DclConfig>(test_case.request.loss);
  const auto width = static_cast<size_t>(test_case.inputs[0].shape[1]);
  const auto a = RowsOf(inputs[0], width, config.normalize);
  const auto b = RowsOf(inputs[1], width, config.normalize);
  return 0.5 * (OfView(a, b, config) + OfView(b, a, config));
}

void Check(const TestCase& test_case, double kappa = 10) {
  ExpectAgrees(*MakeTileLoss(DclConfig{}), test_case, Naive, kappa, 4, 12);
}

TEST(DclTest, AgreesWithPlainLoops) {
  for (const auto& [rows, width] : {std::pair(2, 3), std::pair(3, 1), std::pair(17, 5), std::pair(70, 33)}) {
    Check(MakeCase(rows, width, {}));
    Check(MakeCase(rows, width, {.weight_sigma = 0.5}));
  }
}

TEST(DclTest, AgreesWhereItIsCut) { Check(MakeCase(300, 3, {.weight_sigma = 1})); }

TEST(DclTest, AgreesInFloat64) {
  Check(MakeCase(20, 7, {.temperature = 0.05, .weight_sigma = 0.2}, DType::kFloat64), 20);
}

TEST(DclTest, WithoutNormalisationScoresAreProducts) {
  Check(MakeCase(20, 7, {.temperature = 1, .normalize = false}), 20);
}

TEST(DclTest, RefusesWhatHasNoMeaning) {
  ExpectRefused(MakeCase(3, 2, {.temperature = NAN}), "loss.dcl.temperature", "expected a finite value > 0, got nan");
  ExpectRefused(MakeCase(3, 2, {.weight_sigma = 0}), "loss.dcl.weight_sigma", "expected a finite value > 0, got 0");
  ExpectRefused(MakeCase(1, 2, {}), "inputs[out_1].shape", "expected at least 2 rows, got 1");
}

}  // namespace
}  // namespace lossd::testing
