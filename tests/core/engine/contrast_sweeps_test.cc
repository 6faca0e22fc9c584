// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast_sweeps.h"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A tile with a margin on every side that sweeps must leave alone.
template <typename T>
struct Example {
  SweepTile tile;
  std::vector<T> scores;
  std::vector<T> references;

  T* first() { return scores.data() + 3; }
  T at(int64_t r, int64_t i) { return first()[r * tile.stride + i]; }
  bool IsOwn(int64_t r, int64_t i) const {
    const int64_t own = tile.own_first + r * tile.own_width;
    return i >= own && i < own + tile.own_width;
  }
};

template <typename T>
Example<T> MakeExample(int64_t rows, int64_t columns, int64_t own_first, int64_t own_width, double deviation = 3) {
  std::mt19937 engine(1);
  std::normal_distribution<double> normal(0, deviation);
  Example<T> example{{rows, columns, columns + 5, own_first, own_width}, {}, {}};
  example.scores.resize(static_cast<size_t>(rows * (columns + 5) + 8));
  for (T& score : example.scores) score = static_cast<T>(normal(engine));
  example.references.resize(static_cast<size_t>(rows), T{1.5});
  return example;
}

struct Clipped {
  double value;
  double slope;
};
Clipped Clip(double x, double clip) {
  if (std::isinf(clip)) return {x, 1};
  const double hyperbolic = 1 / std::cosh(x / clip);
  return {clip * std::tanh(x / clip), hyperbolic * hyperbolic};
}

template <typename T>
class ContrastSweepsTest : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(ContrastSweepsTest, Types);

// Widths around vectors and groups of vectors; own columns inside, outside and across the tile's ends.
struct Layout {
  int64_t rows, columns, own_first, own_width;
};
constexpr Layout kLayouts[] = {{1, 1, 5, 1},     {3, 7, 2, 1},      {5, 16, -8, 4},    {4, 49, 0, 12},
                               {3, 200, 64, 49}, {2, 130, -30, 65}, {3, 333, 400, 10}, {6, 64, 0, 49}};

template <typename T>
double Tolerance() {
  return sizeof(T) == 4 ? 2e-6 : 1e-14;
}

TYPED_TEST(ContrastSweepsTest, SumsExponentialsOfNegativesAndSquaresOfAll) {
  for (const Layout& layout : kLayouts) {
    for (double clip : {10.0, 2.0, 40.0, 60.0, kInfinity}) {
      for (bool referenced : {false, true}) {
        if (!referenced && clip > kLargestBareClip) continue;
        auto example = MakeExample<TypeParam>(layout.rows, layout.columns, layout.own_first, layout.own_width);
        const ScoreClip<TypeParam> how = {static_cast<TypeParam>(clip),
                                          referenced ? example.references.data() : nullptr};
        std::vector<double> exps(static_cast<size_t>(layout.rows));
        std::vector<double> squares(exps.size());
        SumExponentials(example.tile, example.first(), how, exps.data(), squares.data());
        for (int64_t r = 0; r < layout.rows; ++r) {
          double exp_sum = 0;
          double square_sum = 0;
          for (int64_t i = 0; i < layout.columns; ++i) {
            const double x = static_cast<double>(example.at(r, i));
            square_sum += x * x;
            if (!example.IsOwn(r, i)) exp_sum += std::exp(Clip(x, clip).value - (referenced ? 1.5 : 0));
          }
          EXPECT_NEAR(exps[static_cast<size_t>(r)], exp_sum, Tolerance<TypeParam>() * exp_sum);
          EXPECT_NEAR(squares[static_cast<size_t>(r)], square_sum, Tolerance<TypeParam>() * square_sum);
        }
      }
    }
  }
}

TYPED_TEST(ContrastSweepsTest, FindsTheLargestNegative) {
  for (const Layout& layout : kLayouts) {
    auto example = MakeExample<TypeParam>(layout.rows, layout.columns, layout.own_first, layout.own_width);
    std::vector<TypeParam> maxima(static_cast<size_t>(layout.rows));
    MaxOfNegatives(example.tile, example.first(), maxima.data());
    for (int64_t r = 0; r < layout.rows; ++r) {
      TypeParam expected = -std::numeric_limits<TypeParam>::infinity();
      for (int64_t i = 0; i < layout.columns; ++i) {
        if (!example.IsOwn(r, i)) expected = std::max(expected, example.at(r, i));
      }
      EXPECT_EQ(maxima[static_cast<size_t>(r)], expected);
    }
  }
}

TYPED_TEST(ContrastSweepsTest, ScoresPositivesAgainstTheirNegatives) {
  for (const Layout& layout : kLayouts) {
    for (double clip : {10.0, 60.0}) {
      auto example = MakeExample<TypeParam>(layout.rows, layout.columns, layout.own_first, layout.own_width);
      const bool referenced = clip > kLargestBareClip;
      const ScoreClip<TypeParam> how = {static_cast<TypeParam>(clip), referenced ? example.references.data() : nullptr};
      const std::vector<double> exps(static_cast<size_t>(layout.rows), 50.0);
      std::vector<double> losses(exps.size());
      std::vector<double> sigmoids(exps.size());
      ScorePositives(example.tile, example.first(), how, exps.data(), losses.data(), sigmoids.data());
      for (int64_t r = 0; r < layout.rows; ++r) {
        double loss = 0;
        double sigmoid = 0;
        for (int64_t i = 0; i < layout.columns; ++i) {
          if (!example.IsOwn(r, i)) continue;
          const double distance = Clip(static_cast<double>(example.at(r, i)), clip).value - (referenced ? 1.5 : 0);
          loss += std::log1p(std::exp(std::log(50.0) - distance));
          sigmoid += 50 / (50 + std::exp(distance));
        }
        EXPECT_NEAR(losses[static_cast<size_t>(r)], loss, Tolerance<TypeParam>() * (loss + 1));
        EXPECT_NEAR(sigmoids[static_cast<size_t>(r)], sigmoid, Tolerance<TypeParam>() * (sigmoid + 1));
      }
    }
  }
}

TYPED_TEST(ContrastSweepsTest, FormsGradientsInPlaceAndNothingBeside) {
  for (const Layout& layout : kLayouts) {
    for (double clip : {10.0, 60.0, kInfinity}) {
      auto example = MakeExample<TypeParam>(layout.rows, layout.columns, layout.own_first, layout.own_width);
      auto before = example;
      const bool referenced = clip > kLargestBareClip;
      const ScoreClip<TypeParam> how = {static_cast<TypeParam>(clip), referenced ? example.references.data() : nullptr};
      const std::vector<double> exps(static_cast<size_t>(layout.rows), 50.0);
      const std::vector<TypeParam> negatives(exps.size(), TypeParam{0.25});
      FormGradient(example.tile, how, {negatives.data(), exps.data(), TypeParam{3}, TypeParam{0.5}}, example.first());
      for (int64_t r = 0; r < layout.rows; ++r) {
        for (int64_t i = 0; i < layout.columns; ++i) {
          const double x = static_cast<double>(before.at(r, i));
          const Clipped clipped = Clip(x, clip);
          const double e = std::exp(clipped.value - (referenced ? 1.5 : 0));
          const double weight = before.IsOwn(r, i) ? -3 * 50 / (50 + e) : 0.25 * e;
          const double expected = weight * clipped.slope + 0.5 * x;
          EXPECT_NEAR(static_cast<double>(example.at(r, i)), expected,
                      Tolerance<TypeParam>() * (std::abs(expected) + std::abs(weight) + std::abs(x)));
          before.first()[r * before.tile.stride + i] = example.at(r, i);
        }
      }
      EXPECT_EQ(example.scores, before.scores);
    }
  }
}

TYPED_TEST(ContrastSweepsTest, KeepsRelativePrecisionOfSlopesWhereTheClipSaturates) {
  Example<TypeParam> example{{1, 1, 1, 5, 1}, std::vector<TypeParam>(8, TypeParam{120}), {}};
  const double exp_sum = 1;
  const TypeParam weight = 1;
  FormGradient(example.tile, {TypeParam{10}, nullptr}, {&weight, &exp_sum, TypeParam{0}, TypeParam{0}},
               example.first());
  const double expected = std::exp(10 * std::tanh(12.0)) * Clip(120, 10).slope;
  EXPECT_NEAR(static_cast<double>(example.at(0, 0)), expected, 1e-5 * expected);
}

TYPED_TEST(ContrastSweepsTest, PassesOnNan) {
  for (double clip : {10.0, 60.0, kInfinity}) {
    for (int64_t place = 0; place < 70; ++place) {
      auto example = MakeExample<TypeParam>(1, 70, 66, 2);
      example.first()[place] = std::numeric_limits<TypeParam>::quiet_NaN();
      const ScoreClip<TypeParam> how = {static_cast<TypeParam>(clip),
                                        clip > kLargestBareClip ? example.references.data() : nullptr};
      double exps = 0;
      double squares = 0;
      SumExponentials(example.tile, example.first(), how, &exps, &squares);
      EXPECT_EQ(std::isnan(exps), place < 66 || place >= 68);
      EXPECT_TRUE(std::isnan(squares));
      double losses = 0;
      double sigmoids = 0;
      const double total = 1;
      ScorePositives(example.tile, example.first(), how, &total, &losses, &sigmoids);
      EXPECT_EQ(std::isnan(losses), place == 66 || place == 67);
      EXPECT_EQ(std::isnan(sigmoids), place == 66 || place == 67);
    }
  }
}

}  // namespace
}  // namespace lossd
