// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/sweeps/sweep_block.h"

#include <algorithm>
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
    EXPECT_EQ(2 * total.sum, static_cast<double>(count * (count - 1)));
  }
}

TEST(SweepBlockTest, AReductionOfColumnsTakesEveryRowOfEach) {
  for (const int64_t rows : {1, 7, 8, 9, 100}) {
    std::vector<double> sums(5);
    HostBlock().ReduceColumns<Total>(
        rows, 5,
        [](Total* states, int64_t row, int64_t column) {
          for (int k = 0; k < kSweepRun; ++k) states[k].sum += static_cast<double>(row * (column + k));
        },
        [&](int64_t column, const Total& state) { sums[static_cast<size_t>(column)] += state.sum; });
    for (int column = 0; column < 5; ++column) {
      EXPECT_EQ(2 * sums[static_cast<size_t>(column)], static_cast<double>(column * rows * (rows - 1))) << rows;
    }
  }
}

// The sum of what is there.
struct TotalOfRuns : Total {
  void Take(const float* run) {
    for (int k = 0; k < kSweepRun; ++k) sum += std::isinf(run[k]) ? 0 : static_cast<double>(run[k]);
  }
};

TEST(SweepBlockTest, BothWaysARowAndAColumnTakeEachOfTheirNumbersOnce) {
  constexpr int64_t kMost = 3 * kPatchColumns;
  const auto number = [](int64_t row, int64_t column) { return row * 1000 + column; };
  for (const auto& [rows, columns] : {std::pair{1, 1}, {5, 63}, {127, 65}, {128, 192}, {300, 500}}) {
    const int64_t high = std::min<int64_t>(rows, kPatchRows<float>);
    const int64_t wide = std::min<int64_t>(columns, kMost);
    for (const bool differ : {false, true}) {
      std::vector<double> of_rows(static_cast<size_t>(high));
      std::vector<double> of_columns(static_cast<size_t>(wide));
      HostBlock().ReduceBothWays<float, TotalOfRuns>(
          rows, columns, kMost, differ,
          [&](int64_t row, int64_t column, bool for_columns) {
            return static_cast<float>(number(row, column) + (for_columns ? 1 : 0));
          },
          [](TotalOfRuns& state, const float* run) { state.Take(run); },
          [&](int64_t row, const Total& state) { of_rows[static_cast<size_t>(row)] += state.sum; },
          [&](int64_t column, const Total& state) { of_columns[static_cast<size_t>(column)] += state.sum; });
      for (int64_t row = 0; row < high; ++row) {
        EXPECT_EQ(2 * of_rows[static_cast<size_t>(row)],
                  static_cast<double>(2 * wide * number(row, 0) + wide * (wide - 1)));
      }
      for (int64_t column = 0; column < wide; ++column) {
        const int64_t all = high * (column + (differ ? 1 : 0)) + 1000 * high * (high - 1) / 2;
        EXPECT_EQ(of_columns[static_cast<size_t>(column)], static_cast<double>(all));
      }
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

// Scores in runs, as sweeps take them.
template <typename T>
RunningSum<T> InRuns(const std::vector<T>& scores) {
  const auto count = static_cast<int64_t>(scores.size());
  return ReduceRuns<RunningSum<T>>(HostBlock(), scores.data(), count,
                                   [](RunningSum<T>& state, int64_t, T* run, int size) {
                                     std::fill(run + size, run + kSweepRun, -std::numeric_limits<T>::infinity());
                                     state.AddRun(run);
                                   });
}

TEST(SweepBlockTest, RunsAddUpToWhatTheirNumbersDo) {
  for (const size_t count : {1, 3, 4, 5, 1023, 1024, 1030, 5000}) {
    const std::vector<double> scores = testing::DrawNumbers(count, 30, 3);
    double exact = 0;
    for (const double score : scores) exact += std::exp(score);
    EXPECT_NEAR(InRuns(scores).LogSumExp(), std::log(exact), 1e-12) << count;
    EXPECT_NEAR(InRuns(std::vector<float>(scores.begin(), scores.end())).LogSumExp(), std::log(exact), 1e-5) << count;
  }
}

TEST(SweepBlockTest, RunsTakeWhatIsNotFiniteAsSingleNumbersAreTaken) {
  constexpr float kFloatInfinity = std::numeric_limits<float>::infinity();
  const float nan = std::nanf("");
  EXPECT_EQ(InRuns<float>({-kFloatInfinity, -kFloatInfinity}).LogSumExp(), -kInfinity);
  EXPECT_EQ(InRuns<float>({-kFloatInfinity, 2}).LogSumExp(), 2);
  EXPECT_EQ(InRuns<float>({1, kFloatInfinity, 2, 3, 4}).LogSumExp(), kInfinity);
  for (const std::vector<float>& scores :
       {std::vector<float>{nan, 1, 2}, {1, nan, 2}, {1, 2, nan}, {nan, -kFloatInfinity}, {1, 2, 3, 4, nan}}) {
    EXPECT_TRUE(std::isnan(InRuns(scores).LogSumExp()));
  }
}

TEST(SweepBlockTest, ARowIsWrittenColumnByColumnInPlaceOrRounded) {
  for (const int64_t columns : {1, 4, 6, 1027}) {
    std::vector<float> scores(static_cast<size_t>(2 * columns + 1));
    for (size_t i = 0; i < scores.size(); ++i) scores[i] = static_cast<float>(i % 100);
    const std::vector<float> raw = scores;
    std::vector<uint16_t> rounded(scores.size());
    ScoreBlock<float> block{scores.data(), {nullptr, rounded.data()}, 1, 2, columns, 0, 2, {}};
    const auto slope = [](int64_t c, float score) { return score + static_cast<float>(c % 7); };
    block.WriteRow(HostBlock(), 0, 1, slope);
    EXPECT_EQ(scores, raw);
    block.gradient = {scores.data()};
    block.WriteRow(HostBlock(), 0, 1, slope);
    for (int64_t c = 0; c < columns; ++c) {
      const auto place = static_cast<size_t>(columns + c);
      EXPECT_EQ(scores[place], slope(c, raw[place]));
      EXPECT_EQ(Widened(NarrowType::kBFloat16, rounded[place]), scores[place]);  // Small whole numbers.
    }
    EXPECT_EQ(scores[0], raw[0]);
    EXPECT_EQ(scores.back(), raw.back());
  }
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
