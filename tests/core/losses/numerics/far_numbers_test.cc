// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Numbers whose squares, or products with which, leave the range of their type, on the device this program is linked
// for: the results do not.

#include <array>
#include <cmath>
#include <random>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/core/losses/numerics/device_losses.h"
#include "tests/support/status_matchers.h"

namespace lossd::testing {
namespace {

TestResult RunOnDevice(const TestCase& test_case) {
  auto result = RunAlone(DeviceLosses().For(test_case.request.loss), test_case);
  EXPECT_OK(result);
  return result.ok() ? *std::move(result) : TestResult();
}

// Two views of normally distributed rows, times `size`.
TestCase DrawnViews(LossConfig config, const std::array<const char*, 2>& names, int64_t rows, int64_t width,
                    double size, DType dtype) {
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal;
  TestCase test_case;
  test_case.request.loss = std::move(config);
  for (const char* name : names) {
    TestInput& input = test_case.inputs.emplace_back(TestInput{name, {rows, width}, {}, dtype});
    for (int64_t i = 0; i < rows * width; ++i) input.values.push_back(size * normal(random));
  }
  return test_case;
}

// A column's size does not matter beside its deviation, whether doubles hold its squares or not.
TEST(FarNumbersTest, CorrelationsOfColumnsOfAnySizeAreTheSame) {
  for (const double eps : {0.0, 1e-5}) {
    const auto run = [&](double size) {
      BarlowTwinsConfig config;
      config.eps = eps;
      return RunOnDevice(DrawnViews(config, {"z_1", "z_2"}, 70, 8, size, DType::kFloat64));
    };
    const TestResult plain = run(1e100);
    for (const double size : {1e154, 1e200, 1e300, 1e-170, 1e-300}) {
      if (size < 1 && eps > 0) continue;
      const TestResult far = run(size);
      EXPECT_NEAR(far.objective, plain.objective, 1e-9 * plain.objective) << size;
      if (size < 1e-200) continue;  // Gradients of such columns are no doubles.
      for (size_t i = 0; i < plain.gradient(0).size(); ++i) {
        EXPECT_NEAR(far.gradient(0)[i] * size, plain.gradient(0)[i] * 1e100, 1e-9) << size;
      }
    }
  }
}

// The loss, or infinity where no number of its type is as large; gradients likewise, of the right sign.
TEST(FarNumbersTest, CovariancesOfColumnsOfAnySizeAreRightOrInfinite) {
  VicRegConfig config;
  config.invariance_weight = 0;
  config.variance_weight = 0;
  for (const auto& [dtype, size] : {std::pair(DType::kFloat32, 1e20),
                                    {DType::kFloat32, 1e30},
                                    {DType::kFloat64, 1e70},
                                    {DType::kFloat64, 1e160},
                                    {DType::kFloat64, 1e300}}) {
    const TestResult plain = RunOnDevice(DrawnViews(config, {"z_1", "z_2"}, 70, 16, 1, dtype));
    const TestResult far = RunOnDevice(DrawnViews(config, {"z_1", "z_2"}, 70, 16, size, dtype));
    const double expected = plain.objective * std::pow(size, 4);
    if (std::isinf(expected)) {
      EXPECT_EQ(far.objective, expected) << size;
    } else {
      EXPECT_NEAR(far.objective / expected, 1, 1e-5) << size;
    }
    const double cube = std::pow(size, 3);
    const bool wide = dtype == DType::kFloat64;
    for (size_t i = 0; i < plain.gradient(0).size(); ++i) {
      const double scaled = plain.gradient(0)[i] * cube;
      const double got = far.gradient(0)[i];
      if (std::abs(plain.gradient(0)[i]) < 1e-4) continue;  // Whose sign is that of a rounding.
      if (std::isinf(wide ? scaled : static_cast<double>(static_cast<float>(scaled)))) {
        EXPECT_EQ(got, std::copysign(HUGE_VAL, scaled)) << size;
      } else {
        EXPECT_NEAR(got / scaled, 1, 0.01) << size;
      }
    }
  }
}

// Every negative costs its bias: more than a float holds.
TEST(FarNumbersTest, BiasesThatNoFloatHoldsAreLossesThatNoneHolds) {
  for (const int64_t rows : {5, 100}) {
    for (const double bias : {1e39, 1e300, -1e39, -1e300}) {
      SigLipConfig config;
      config.logit_bias = bias;
      const TestResult result = RunOnDevice(DrawnViews(config, {"image", "text"}, rows, 16, 1, DType::kFloat32));
      EXPECT_EQ(result.output("loss")[0], HUGE_VAL) << rows << " rows, " << bias;
      const double expected = std::abs(bias) * static_cast<double>(bias > 0 ? rows - 1 : 1);
      EXPECT_TRUE(std::isinf(result.objective) || std::abs(result.objective / expected - 1) < 1e-6) << result.objective;
      for (const double g : result.gradient(0)) EXPECT_TRUE(std::isfinite(g)) << rows << " rows, " << bias;
    }
  }
}

// A scale that no float holds is one with rows that make up for it.
TEST(FarNumbersTest, ScalesThatNoFloatHoldsCountAsTheyAre) {
  for (const auto& [scale, size] : {std::pair(1e39, 1e-18), {1e45, 1e-22}, {1e-42, 1e19}}) {
    for (const bool sigmoid : {false, true}) {
      LossConfig config = ClipConfig{.logit_scale = scale};
      if (sigmoid) config = SigLipConfig{.logit_scale = scale};
      TestCase test_case = DrawnViews(config, {"image", "text"}, 100, 16, size, DType::kFloat32);
      test_case.request.gradients.mode = GradientSelection::Mode::kNone;
      TestCase exact = test_case;
      for (TestInput& input : exact.inputs) {
        input.dtype = DType::kFloat64;
        for (double& value : input.values) value = static_cast<double>(static_cast<float>(value));
      }
      const double expected = RunOnDevice(exact).objective;
      EXPECT_NEAR(RunOnDevice(test_case).objective, expected, 1e-4 * expected) << scale << " " << sigmoid;
    }
  }
}

// Keys that are all orthogonal to their queries: none is more similar than the own, whatever the margin.
TEST(FarNumbersTest, RelativeMarginsOfNothingAreNothing) {
  for (const double margin : {0.5, 1e39, 1e300}) {
    InfoNceConfig config;
    config.temperature = 1;
    config.false_negatives = FalseNegatives{MarginStrategy::kRelative, margin};
    TestCase test_case;
    test_case.request.loss = config;
    constexpr int64_t kRows = 100;
    constexpr int64_t kWidth = 128;
    for (const int64_t shift : {0, 1}) {
      TestInput& input = test_case.inputs.emplace_back(TestInput{
          shift == 0 ? "query" : "key", {kRows, kWidth}, std::vector<double>(kRows * kWidth), DType::kFloat32});
      for (int64_t i = 0; i < kRows; ++i) input.values[static_cast<size_t>(i * kWidth + (i + shift) % kRows)] = 1;
    }
    // The one key that is like the query leaves.
    EXPECT_NEAR(RunOnDevice(test_case).objective, std::log(99.0), 1e-5) << margin;
  }
}

}  // namespace
}  // namespace lossd::testing
