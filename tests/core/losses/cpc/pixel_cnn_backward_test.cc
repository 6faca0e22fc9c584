// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/cpc/pixel_cnn_backward.h"

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

std::vector<double> DrawUpstream(size_t count) {
  std::mt19937_64 engine(3);
  std::normal_distribution<double> normal;
  std::vector<double> upstream(count);
  for (double& value : upstream) value = normal(engine);
  return upstream;
}

double Objective(const CpcCase& values, const std::vector<double>& upstream) {
  Serial serial;
  const std::vector<double> context = PixelCnnRun<double>(values, {}, serial).Context();
  double sum = 0;
  for (size_t i = 0; i < context.size(); ++i) sum += upstream[i] * context[i];
  return sum;
}

TEST(PixelCnnBackwardTest, InputGradientAgreesWithCentralDifferences) {
  Serial serial;
  constexpr double kStep = 1e-6;
  for (const bool weights : {false, true}) {
    CpcCase values = DrawCpcCase(9, {.batch = 2, .channels = 3, .height = 5, .width = 4});
    const std::vector<double> upstream = DrawUpstream(values.z.size());
    PixelCnnRun<double> run(values, {.relus = true, .inputs = weights}, serial);
    const std::vector<double> gradient = run.Backward(upstream, weights);
    for (size_t i = 0; i < values.z.size(); i += 7) {
      const double z = values.z[i];
      values.z[i] = z + kStep;
      const double above = Objective(values, upstream);
      values.z[i] = z - kStep;
      const double below = Objective(values, upstream);
      values.z[i] = z;
      EXPECT_NEAR(gradient[i], (above - below) / (2 * kStep), 1e-6) << i;
    }
  }
}

}  // namespace
}  // namespace lossd
