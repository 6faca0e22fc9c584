// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast_row_sweeps.h"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace lossd {
namespace {

template <typename T>
class ContrastRowSweepsTest : public ::testing::Test {
 protected:
  static constexpr T kLowest = -std::numeric_limits<T>::infinity();

  // Normal scores, some of them taken out.
  static std::vector<T> MakeScores(const ScoreTile& tile, uint32_t seed) {
    std::mt19937 engine(seed);
    std::normal_distribution<double> normal(0, 30);
    std::vector<T> scores(static_cast<size_t>(tile.rows * tile.columns + kSweepPadding));
    for (T& score : scores) score = static_cast<T>(normal(engine));
    for (int64_t r = 0; r < std::min(tile.rows, tile.columns); ++r)
      scores[static_cast<size_t>(r * tile.columns + r)] = kLowest;
    return scores;
  }

  // log of the sum that was entered.
  static double LogSum(const std::vector<T>& maxima, const std::vector<double>& sums, size_t i) {
    return static_cast<double>(maxima[i]) + std::log(sums[i]);
  }
};

using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(ContrastRowSweepsTest, Types);

constexpr ScoreTile kTiles[] = {{1, 1}, {1, 40}, {3, 16}, {40, 3}, {17, 33}, {64, 64}};

TYPED_TEST(ContrastRowSweepsTest, EntersTileAfterTileIntoRowsAndColumns) {
  for (const ScoreTile& tile : kTiles) {
    const auto rows = static_cast<size_t>(tile.rows);
    const auto columns = static_cast<size_t>(tile.columns);
    std::vector<TypeParam> row_maxima(rows, this->kLowest);
    std::vector<TypeParam> column_maxima(columns, this->kLowest);
    std::vector<double> row_sums(rows, 0.0);
    std::vector<double> column_sums(columns, 0.0);
    std::vector<double> row_expected(rows, 0.0);
    std::vector<double> column_expected(columns, 0.0);
    for (uint32_t seed = 0; seed < 3; ++seed) {
      const std::vector<TypeParam> scores = this->MakeScores(tile, seed);
      EnterRows(tile, scores.data(), {row_maxima.data(), row_sums.data()});
      EnterColumns(tile, scores.data(), {column_maxima.data(), column_sums.data()});
      for (size_t r = 0; r < rows; ++r) {
        for (size_t c = 0; c < columns; ++c) {
          const double e = std::exp(static_cast<double>(scores[r * columns + c]));
          row_expected[r] += e;
          column_expected[c] += e;
        }
      }
    }
    const double tolerance = sizeof(TypeParam) == 4 ? 2e-6 : 1e-14;
    for (size_t r = 0; r < rows; ++r) {
      if (row_expected[r] == 0) {
        EXPECT_EQ(row_sums[r], 0);
      } else {
        EXPECT_NEAR(this->LogSum(row_maxima, row_sums, r), std::log(row_expected[r]), tolerance * 100);
      }
    }
    for (size_t c = 0; c < columns; ++c) {
      if (column_expected[c] == 0) {
        EXPECT_EQ(column_sums[c], 0);
      } else {
        EXPECT_NEAR(this->LogSum(column_maxima, column_sums, c), std::log(column_expected[c]), tolerance * 100);
      }
    }
  }
}

TYPED_TEST(ContrastRowSweepsTest, AddsBothSidesGradients) {
  for (const ScoreTile& tile : kTiles) {
    std::vector<TypeParam> scores = this->MakeScores(tile, 7);
    const std::vector<TypeParam> before = scores;
    const auto rows = static_cast<size_t>(tile.rows);
    const auto columns = static_cast<size_t>(tile.columns);
    std::vector<TypeParam> maxima(rows + columns + static_cast<size_t>(kSweepPadding), TypeParam{80});
    std::vector<TypeParam> weights(maxima.size(), TypeParam{0.5});
    for (size_t i = 0; i < weights.size(); ++i) weights[i] += static_cast<TypeParam>(i);
    const ExpWeights<TypeParam> row_weights = {maxima.data(), weights.data()};
    std::vector<TypeParam> of_rows = scores;
    FormRowGradient(tile, row_weights, of_rows.data());
    FormPairGradient(tile, row_weights, {maxima.data() + rows, weights.data() + rows}, before.data(), scores.data());
    for (size_t r = 0; r < rows; ++r) {
      for (size_t c = 0; c < columns; ++c) {
        const double e = std::exp(static_cast<double>(before[r * columns + c]) - 80);
        const double expected = e * static_cast<double>(weights[r] + weights[rows + c]);
        // Exponentials below the smallest normal number may be 0.
        const double vanished = 200.0 * std::numeric_limits<float>::min();
        EXPECT_NEAR(static_cast<double>(scores[r * columns + c]), expected,
                    (sizeof(TypeParam) == 4 ? 1e-5 : 1e-13) * expected + vanished);
        EXPECT_NEAR(static_cast<double>(of_rows[r * columns + c]), e * static_cast<double>(weights[r]),
                    (sizeof(TypeParam) == 4 ? 1e-5 : 1e-13) * expected + vanished);
      }
    }
    for (size_t i = rows * columns; i < scores.size(); ++i) EXPECT_EQ(scores[i], before[i]);
  }
}

TYPED_TEST(ContrastRowSweepsTest, PositivesAloneAreOverwritten) {
  constexpr ScoreTile kTile = {2, 3};
  std::vector<TypeParam> scores(6 + kSweepPadding, this->kLowest);
  scores[1] = 1;
  scores[5] = 2;
  const std::vector<TypeParam> maxima(5 + kSweepPadding, TypeParam{2});
  std::vector<TypeParam> weights(maxima.size(), TypeParam{0.5});
  std::vector<TypeParam> offsets(maxima.size(), TypeParam{0.25});
  std::vector<TypeParam> gradient(scores.size(), TypeParam{9});
  const PositiveExpWeights<TypeParam> side = {maxima.data(), weights.data(), offsets.data()};
  FormPositiveGradient(kTile, side, side, scores.data(), gradient.data());
  EXPECT_EQ(gradient[0], 9);
  EXPECT_NEAR(gradient[1], std::exp(-1.0) - 0.5, 1e-6);
  EXPECT_EQ(gradient[4], 9);
  EXPECT_NEAR(gradient[5], 0.5, 1e-6);
}

TYPED_TEST(ContrastRowSweepsTest, SigmoidsAndTheirSoftplusesAreAccurateAtBothEnds) {
  for (const ScoreTile& tile : kTiles) {
    std::vector<TypeParam> scores = this->MakeScores(tile, 7);
    const std::vector<TypeParam> before = scores;
    std::vector<double> losses(static_cast<size_t>(tile.rows), 0.0);
    std::vector<double> gradients(losses.size(), 0.0);
    constexpr double kBias = -10;
    FormSigmoidGradient(tile, TypeParam{kBias}, TypeParam{0.5}, scores.data(), {losses.data(), gradients.data()});
    for (int64_t r = 0; r < tile.rows; ++r) {
      double loss = 0;
      double sum = 0;
      for (int64_t c = 0; c < tile.columns; ++c) {
        const double z = static_cast<double>(before[static_cast<size_t>(r * tile.columns + c)]) + kBias;
        const double e = std::exp(-std::abs(z));
        const double sigmoid = z >= 0 ? 1 / (1 + e) : e / (1 + e);
        loss += std::max(z, 0.0) + std::log1p(e);
        sum += 0.5 * sigmoid;
        EXPECT_NEAR(static_cast<double>(scores[static_cast<size_t>(r * tile.columns + c)]), 0.5 * sigmoid,
                    (sizeof(TypeParam) == 4 ? 1e-5 : 1e-13) * sigmoid + 1e-36);
      }
      EXPECT_NEAR(losses[static_cast<size_t>(r)], loss, (sizeof(TypeParam) == 4 ? 1e-5 : 1e-13) * loss + 1e-30);
      EXPECT_NEAR(gradients[static_cast<size_t>(r)], sum, (sizeof(TypeParam) == 4 ? 1e-5 : 1e-13) * sum + 1e-30);
    }
  }
}

TYPED_TEST(ContrastRowSweepsTest, PassesOnNan) {
  constexpr ScoreTile kTile = {3, 20};
  std::vector<TypeParam> scores = this->MakeScores(kTile, 1);
  scores[20 + 7] = std::numeric_limits<TypeParam>::quiet_NaN();
  std::vector<TypeParam> maxima(20, this->kLowest);
  std::vector<double> sums(20, 0.0);
  EnterRows(kTile, scores.data(), {maxima.data(), sums.data()});
  EXPECT_FALSE(std::isnan(sums[0]));
  EXPECT_TRUE(std::isnan(sums[1]));
  std::fill(maxima.begin(), maxima.end(), this->kLowest);
  std::fill(sums.begin(), sums.end(), 0.0);
  EnterColumns(kTile, scores.data(), {maxima.data(), sums.data()});
  EXPECT_FALSE(std::isnan(sums[6]));
  EXPECT_TRUE(std::isnan(sums[7]));
}

}  // namespace
}  // namespace lossd
