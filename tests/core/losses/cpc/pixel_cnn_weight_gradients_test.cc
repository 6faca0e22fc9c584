// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/cpc/pixel_cnn_weight_gradients.h"

#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "tests/core/losses/cpc/pixel_cnn_run.h"

namespace lossd {
namespace {

using ::lossd::testing::CpcCase;
using ::lossd::testing::DrawCpcCase;
using ::lossd::testing::PixelCnnRun;

double Objective(const CpcCase& values) {
  Serial serial;
  const std::vector<double> context = PixelCnnRun<double>(values, {}, serial).Context();
  double sum = 0;
  for (size_t i = 0; i < context.size(); ++i) sum += static_cast<double>(i % 5 + 1) * context[i];
  return sum;
}

// Three elements of each of the 40 parameters.
void ExpectCentralDifferences(CpcCase values) {
  constexpr double kStep = 1e-6;
  std::vector<double> upstream(values.z.size());
  for (size_t i = 0; i < upstream.size(); ++i) upstream[i] = static_cast<double>(i % 5 + 1);
  Serial serial;
  PixelCnnRun<double> run(values, {.relus = true, .inputs = true}, serial);
  run.Backward(upstream, true);
  std::mt19937_64 engine(17);
  for (size_t p = 0; p < kPixelCnnParameters; ++p) {
    std::vector<double>& parameter = values.parameters[kContextParameters + p];
    for (int draw = 0; draw < 3; ++draw) {
      const size_t i = engine() % parameter.size();
      const double kept = parameter[i];
      parameter[i] = kept + kStep;
      const double above = Objective(values);
      parameter[i] = kept - kStep;
      const double below = Objective(values);
      parameter[i] = kept;
      EXPECT_NEAR(run.gradients()[p][i], (above - below) / (2 * kStep), 1e-5) << "parameter " << p << ", " << i;
    }
  }
}

TEST(PixelCnnWeightGradientsTest, AgreeWithCentralDifferences) {
  ExpectCentralDifferences(DrawCpcCase(21, {.batch = 2, .channels = 3, .height = 5, .width = 4}));
}

TEST(PixelCnnWeightGradientsTest, AgreeWithCentralDifferencesOnTheSmallestMap) {
  ExpectCentralDifferences(DrawCpcCase(22, {.batch = 1, .channels = 2, .height = 3, .width = 3}));
}

}  // namespace
}  // namespace lossd
