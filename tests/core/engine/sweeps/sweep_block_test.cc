// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/sweeps/sweep_block.h"

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/engine/sweeps/sweep_derivatives.h"

namespace lossd {
namespace {

using ::testing::Each;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(SweepBlockTest, AReductionTakesEveryNumberOnceAtAnyLength) {
  for (const int64_t count : {0, 1, 2, 255, 256, 257, 1000}) {
    std::vector<int> seen(static_cast<size_t>(count));
    const Total total = HostBlock().Reduce<Total>(count, [&](Total& state, int64_t i) {
      ++seen[static_cast<size_t>(i)];
      state.sum += static_cast<double>(i);
    });
    EXPECT_THAT(seen, Each(1)) << count;
    EXPECT_EQ(total.sum, static_cast<double>(count * (count - 1) / 2));
  }
}

TEST(SweepBlockTest, AReductionOfColumnsTakesEveryRowOfEach) {
  for (const int64_t rows : {1, 7, 8, 9, 100}) {
    std::vector<double> sums(5);
    HostBlock().ReduceColumns<Total>(
        rows, 5, [](Total& state, int64_t row, int64_t column) { state.sum += static_cast<double>(row * column); },
        [&](int64_t column, const Total& state) { sums[static_cast<size_t>(column)] += state.sum; });
    for (int column = 0; column < 5; ++column) {
      EXPECT_EQ(sums[static_cast<size_t>(column)], static_cast<double>(column * rows * (rows - 1) / 2)) << rows;
    }
  }
}

TEST(SweepBlockTest, RunningSumsAreThoseOfTheExponentialsInAnyOrder) {
  const std::vector<double> scores = testing::DrawNumbers(100, 30, 3);
  RunningSum<double> upwards;
  RunningSum<double> halves[2];
  double exact = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    upwards.Add(scores[i]);
    halves[i % 2].Add(scores[i]);
    exact += std::exp(scores[i]);
  }
  halves[0].Add(halves[1]);
  EXPECT_NEAR(upwards.LogSumExp(), std::log(exact), 1e-13);
  EXPECT_NEAR(halves[0].LogSumExp(), std::log(exact), 1e-13);
}

TEST(SweepBlockTest, NothingAndMinusInfinityAddNothing) {
  RunningSum<float> sum;
  EXPECT_EQ(sum.LogSumExp(), -kInfinity);
  sum.Add(-std::numeric_limits<float>::infinity());
  EXPECT_EQ(sum.LogSumExp(), -kInfinity);
  sum.Add(2.0F);
  sum.Add(RunningSum<float>());
  EXPECT_EQ(sum.LogSumExp(), 2);
  EXPECT_EQ(ExpBelow(-kInfinity, -kInfinity), 0);
}

TEST(SweepBlockTest, NanStays) {
  RunningSum<float> sum;
  sum.Add(std::nanf(""));
  sum.Add(1.0F);
  RunningSum<float> other;
  other.Add(3.0F);
  other.Add(sum);
  EXPECT_TRUE(std::isnan(other.LogSumExp()));
  EXPECT_TRUE(std::isnan(StableSoftplus(std::nan(""))));
}

TEST(SweepBlockTest, SoftplusAndSigmoidHoldAtTheEnds) {
  EXPECT_EQ(StableSoftplus(-kInfinity), 0);
  EXPECT_EQ(StableSoftplus(800.0), 800);
  EXPECT_EQ(StableSoftplus(kInfinity), kInfinity);
  EXPECT_NEAR(StableSoftplus(0.0), std::log(2.0), 1e-16);
  EXPECT_EQ(StableSigmoid(-kInfinity), 0);
  EXPECT_EQ(StableSigmoid(800.0), 1);
}

TEST(SweepBlockTest, FactorsThatATypeCannotHoldAreItsLargest) {
  EXPECT_EQ(ClosestFinite<float>(1e300), std::numeric_limits<float>::max());
  EXPECT_EQ(ClosestFinite<float>(-1e300), -std::numeric_limits<float>::max());
  EXPECT_EQ(ClosestFinite<double>(kInfinity), std::numeric_limits<double>::max());
  const double factors[] = {1e200, 2};
  EXPECT_EQ((GroupProduct{{factors, nullptr, factors}}.Of(0)), std::numeric_limits<double>::max());
  EXPECT_EQ((GroupProduct{{factors, nullptr, factors}}.Of(1)), 4);
}

TEST(SweepBlockTest, RoundsToTheNearestBfloat16AndTiesToEven) {
  const auto rounded = [](float number) {
    uint16_t bits = 0;
    Destination<float>{nullptr, &bits}.Write(0, number);
    return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
  };
  EXPECT_EQ(rounded(1 + 1.0F / 256), 1);
  EXPECT_EQ(rounded(1 + 3.0F / 256), 1 + 4.0F / 256);
  EXPECT_EQ(rounded(-1 - 1.1F / 256), -1 - 2.0F / 256);
  EXPECT_EQ(rounded(std::numeric_limits<float>::infinity()), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(rounded(std::nanf(""))));
}

}  // namespace
}  // namespace lossd
