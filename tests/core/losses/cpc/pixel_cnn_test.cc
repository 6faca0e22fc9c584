// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/cpc/pixel_cnn.h"

#include <cmath>
#include <vector>

#include "gmock/gmock.h"
#include "tests/core/losses/cpc/pixel_cnn_run.h"
#include "tests/support/larger_or_nan.h"

namespace lossd {
namespace {

using ::lossd::testing::CpcCase;
using ::lossd::testing::DrawCpcCase;
using ::lossd::testing::LargerOrNan;
using ::lossd::testing::NaiveContext;
using ::lossd::testing::PixelCnnRun;
using ::lossd::testing::ShuffledParallel;

std::vector<CpcCase> ManyShapes() {
  std::vector<CpcCase> cases;
  cases.push_back(DrawCpcCase(1, {.batch = 1, .channels = 1, .height = 3, .width = 3}));
  cases.push_back(DrawCpcCase(2, {.batch = 3, .channels = 5, .height = 3, .width = 6}));
  cases.push_back(DrawCpcCase(3, {.batch = 2, .channels = 4, .height = 6, .width = 3}));
  cases.push_back(DrawCpcCase(4, {.batch = 1, .channels = 2, .height = 7, .width = 5}));
  return cases;
}

// Largest error over the rows that are computed, relative to the largest value.
double ContextError(const PixelCnnRun<double>& run, const CpcCase& values) {
  const std::vector<double> expected = NaiveContext(values);
  const std::vector<double> context = run.Context();
  double error = 0;
  double largest = 0;
  run.ForEachElement([&](int64_t, int64_t, size_t i) {
    error = LargerOrNan(error, std::abs(context[i] - expected[i]));
    largest = std::max(largest, std::abs(expected[i]));
  });
  return error / largest;
}

TEST(PixelCnnTest, AgreesWithTheDefinitionForAnyShape) {
  Serial serial;
  for (const CpcCase& values : ManyShapes()) {
    for (const bool keep : {false, true}) {
      EXPECT_LT(ContextError(PixelCnnRun<double>(values, {keep, keep}, serial), values), 1e-13)
          << values.height << " x " << values.width;
    }
  }
}

TEST(PixelCnnTest, GivesTheSameBytesOnAnyThreads) {
  const CpcCase values = DrawCpcCase(5, {.batch = 8, .channels = 3, .height = 6, .width = 7});
  Serial serial;
  ShuffledParallel shuffled(3, 11);
  EXPECT_EQ(PixelCnnRun<float>(values, {}, serial).Context(), PixelCnnRun<float>(values, {}, shuffled).Context());
}

TEST(PixelCnnTest, ActivationsTellTheSignsOfTheRelus) {
  const CpcCase values = DrawCpcCase(6, {.batch = 1, .channels = 2, .height = 4, .width = 4});
  Serial serial;
  const PixelCnnRun<double> run(values, {.relus = true}, serial);
  const auto& p = values.parameters;
  int64_t on = 0;
  for (int64_t o = 0; o < kPixelCnnHidden; ++o) {
    double u = p[kContextParameters + kEntryBias][static_cast<size_t>(o)];
    for (size_t c = 0; c < 2; ++c) {
      u += p[kContextParameters + kEntryWeight][static_cast<size_t>(o) * 2 + c] * values.z[c * 16];
    }
    EXPECT_EQ(run.activations().entry[0][o] > 0, u > 0) << o;
    on += u > 0 ? 1 : 0;
  }
  EXPECT_GT(on, 0);
  EXPECT_LT(on, kPixelCnnHidden);
}

TEST(PixelCnnTest, PassesNanOn) {
  CpcCase values = DrawCpcCase(7, {.batch = 2, .channels = 2, .height = 4, .width = 5});
  values.z[0] = std::nan("");
  Serial serial;
  const std::vector<double> context = PixelCnnRun<float>(values, {}, serial).Context();
  EXPECT_TRUE(std::isnan(context[0]));
  EXPECT_FALSE(std::isnan(context[2 * 4 * 5])) << "the other image";
}

}  // namespace
}  // namespace lossd
