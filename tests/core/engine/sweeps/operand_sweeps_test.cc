// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/sweeps/operand_sweeps.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/engine/sweeps/host_sweeps.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/engine/sweeps/sweep_derivatives.h"

namespace lossd {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kRows = 3;
constexpr int64_t kWidth = 301;
constexpr int64_t kStride = kRows * kWidth + 5;  // Groups lie apart.

// sum over elements of weight times u, u the vectors over their norms, or over a scale.
double Weighed(const std::vector<double>& x, const std::vector<double>& weights, double scale) {
  double sum = 0;
  for (int64_t row = 0; row < kRows; ++row) {
    double squares = 0;
    double product = 0;
    for (int64_t d = 0; d < kWidth; ++d) {
      const auto place = static_cast<size_t>(row * kWidth + d);
      squares += x[place] * x[place];
      product += x[place] * weights[place];
    }
    sum += product / (scale == 0 ? std::sqrt(squares) : scale);
  }
  return sum;
}

class OperandSweepsTest : public ::testing::Test {
 protected:
  Vectors<double> vectors() const { return {x_.data(), kStride, 2, kRows, kWidth}; }
  std::vector<double> Group(size_t group) const {
    const auto begin = x_.begin() + static_cast<std::ptrdiff_t>(group * kStride);
    return {begin, begin + kRows * kWidth};
  }

  const HostSweeps host_{};
  std::vector<double> x_ = testing::DrawNumbers(2 * kStride, 1, 5);
  std::vector<double> norms_ = std::vector<double>(2 * kRows);
  std::vector<double> scales_ = std::vector<double>(2);
  std::vector<double> u_ = std::vector<double>(2 * kRows * kWidth);
};

TEST_F(OperandSweepsTest, NormsAndVectorsOfLengthOne) {
  host_.Run(NormSweep<double>{vectors(), 1e-12, norms_.data(), {u_.data()}});
  for (size_t row = 0; row < norms_.size(); ++row) {
    double squares = 0;
    for (size_t d = 0; d < kWidth; ++d) squares += u_[row * kWidth + d] * u_[row * kWidth + d];
    EXPECT_NEAR(squares, 1, 1e-14);
    EXPECT_EQ(u_[row * kWidth] * norms_[row] > 0, x_[row / kRows * kStride + row % kRows * kWidth] > 0);
  }
}

TEST_F(OperandSweepsTest, NormsHoldWhereSquaresDoNot) {
  const std::vector<double> x = {3e200, 4e200, 3e-200, 4e-200, 0, 0};
  host_.Run(NormSweep<double>{{x.data(), 0, 1, 3, 2}, 0, norms_.data(), {}});
  EXPECT_NEAR(norms_[0], 5e200, 1e186);
  EXPECT_NEAR(norms_[1], 5e-200, 1e-214);
  EXPECT_EQ(norms_[2], 0);
}

TEST_F(OperandSweepsTest, VectorsOfSixteenBitsAreThoseOfTheNumbersThatTheyAre) {
  for (const NarrowType type : {NarrowType::kBFloat16, NarrowType::kFloat16}) {
    std::vector<uint16_t> narrow;
    std::vector<float> wide;
    for (const double number : x_) {
      narrow.push_back(Rounded(type, static_cast<float>(number)));
      wide.push_back(Widened(type, narrow.back()));
    }
    const Vectors<float> vectors[] = {{wide.data(), kStride, 2, kRows, kWidth},
                                      {nullptr, kStride, 2, kRows, kWidth, narrow.data(), type}};
    std::vector<std::vector<float>> results;
    for (const Vectors<float>& one : vectors) {
      std::vector<float> u(u_.size());
      std::vector<float> scaled(u_.size());
      std::vector<double> numbers(2 * norms_.size());
      host_.Run(NormSweep<float>{one, 1e-12, norms_.data(), {u.data()}});
      scales_ = {2, 4};
      host_.Run(ScaledVectors<float>{one, scales_.data(), {scaled.data()}});
      host_.Run(OperandGradient<float>{one,
                                       scaled.data(),
                                       norms_.data(),
                                       nullptr,
                                       0,
                                       {},
                                       scaled.data(),
                                       numbers.data(),
                                       numbers.data() + norms_.size()});
      u.insert(u.end(), scaled.begin(), scaled.end());
      u.insert(u.end(), numbers.begin(), numbers.end());
      results.push_back(u);
    }
    EXPECT_NE(results[0][0], 0);
    EXPECT_EQ(results[1], results[0]);
  }
}

TEST_F(OperandSweepsTest, ScalesArePowersOfTwoOfTheLargestNormOrOne) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> norms = {1, 5, 3, 0, 0, 0, kNan, 9, 1, 0.3, 0.1, 0.2};
  std::vector<double> scales(4);
  host_.Run(ScaleOfGroup{4, 3, norms.data(), scales.data()});
  EXPECT_THAT(scales, ElementsAre(4, 1, 1, 0.25));
}

TEST_F(OperandSweepsTest, GradientsComeBackThroughTheNorm) {
  const std::vector<double> weights = testing::DrawNumbers(u_.size(), 1, 6);
  host_.Run(NormSweep<double>{vectors(), 1e-12, norms_.data(), {u_.data()}});
  std::vector<double> gradient = weights;
  std::vector<double> squares(norms_.size());
  std::vector<double> along(norms_.size());
  const double factors[] = {1, 1};
  host_.Run(OperandGradient<double>{vectors(),
                                    gradient.data(),
                                    norms_.data(),
                                    nullptr,
                                    1e-12,
                                    {{factors}},
                                    gradient.data(),
                                    squares.data(),
                                    along.data()});
  for (size_t group = 0; group < 2; ++group) {
    const auto begin = static_cast<std::ptrdiff_t>(group * kRows * kWidth);
    const std::vector<double> of_group(gradient.begin() + begin, gradient.begin() + begin + kRows * kWidth);
    const std::vector<double> mine(weights.begin() + begin, weights.begin() + begin + kRows * kWidth);
    testing::ExpectGradient(
        of_group, [&](const auto& x) { return Weighed(x, mine, 0); }, Group(group));
    double sum = 0;
    double all = 0;
    for (const double one : of_group) sum += one * one;
    for (size_t row = 0; row < kRows; ++row) {
      sum -= squares[group * kRows + row];
      all += along[group * kRows + row];
    }
    EXPECT_NEAR(sum, 0, 1e-12);
    EXPECT_NEAR(all, Weighed(Group(group), mine, 0), 1e-12);
  }
}

TEST_F(OperandSweepsTest, GradientsOfScaledVectorsAreMultiplied) {
  scales_ = {2, 4};
  host_.Run(ScaledVectors<double>{vectors(), scales_.data(), {u_.data()}});
  EXPECT_EQ(u_[3], x_[3] / 2);
  EXPECT_EQ(u_[kRows * kWidth + 3], x_[kStride + 3] / 4);
  const std::vector<double> weights = testing::DrawNumbers(u_.size(), 1, 6);
  std::vector<double> result(u_.size());
  std::vector<double> numbers(2 * norms_.size());
  const double factors[] = {3, 5};
  host_.Run(OperandGradient<double>{vectors(),
                                    weights.data(),
                                    nullptr,
                                    scales_.data(),
                                    0,
                                    {{factors}},
                                    result.data(),
                                    numbers.data(),
                                    numbers.data() + norms_.size()});
  EXPECT_EQ(result[7], 3 * weights[7]);
  EXPECT_EQ(result[kRows * kWidth + 7], 5 * weights[kRows * kWidth + 7]);
}

TEST_F(OperandSweepsTest, AVectorOfZerosHasTheGradientThatTheLeastNormGives) {
  const std::vector<double> x = {0, 0};
  std::vector<double> gradient = {1, 2};
  double number = 0;
  double norm = 0;
  host_.Run(OperandGradient<double>{
      {x.data(), 0, 1, 1, 2}, gradient.data(), &norm, nullptr, 1e-3, {}, gradient.data(), &number, &number});
  EXPECT_THAT(gradient, ElementsAre(1000, 2000));
}

}  // namespace
}  // namespace lossd
