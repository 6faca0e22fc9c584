// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast_sweeps.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Clipped {
  double value;
  double slope;
};
Clipped Clip(double x, double clip) {
  if (std::isinf(clip)) return {x, 1};
  const double hyperbolic = 1 / std::cosh(x / clip);
  return {clip * std::tanh(x / clip), hyperbolic * hyperbolic};
}

// Images, locations, column of the first image, columns: around vectors, panels and groups of rows; own columns inside,
// outside and across the ends.
struct Layout {
  int64_t images, locations, positive_column, columns;
};
constexpr Layout kLayouts[] = {{1, 1, 5, 1},    {3, 4, 0, 3},    {2, 49, 7, 16},   {5, 3, -2, 17},
                               {4, 25, 30, 64}, {40, 2, -3, 33}, {3, 130, 70, 50}, {16, 1, 0, 16}};

// A tile of scores with rows behind it that sweeps must leave alone.
template <typename T>
struct Example {
  MapTile tile;
  Panels panels;
  std::vector<T> scores;
  std::vector<T> references;
  std::vector<T> positives;  // NaN where there are none.

  T at(int64_t image, int64_t l, int64_t b) const {
    return scores[static_cast<size_t>(panels.Offset(image * tile.locations + l, b))];
  }
  bool IsOwn(int64_t image, int64_t b) const { return image + tile.positive_column == b; }
  size_t PositiveAt(int64_t l, int64_t b) const { return static_cast<size_t>(tile.positives().Offset(l, b)); }
  ScoreClip<T> How(double clip, bool referenced) const {
    return {static_cast<T>(clip), referenced ? references.data() : nullptr};
  }
};

template <typename T>
Example<T> MakeExample(const Layout& layout, double deviation = 3) {
  const int64_t width = PanelWidth<T>(layout.columns);
  const Panels panels = {layout.images * layout.locations + 2, layout.columns, width};
  Example<T> example{
      {layout.images, layout.locations, layout.positive_column, layout.columns, width, panels.panel_size()},
      panels,
      {},
      {},
      {}};
  std::mt19937 engine(1);
  std::normal_distribution<double> normal(0, deviation);
  example.scores.resize(static_cast<size_t>(panels.size()));
  for (T& score : example.scores) score = static_cast<T>(normal(engine));
  example.references.resize(static_cast<size_t>(example.tile.padded_columns()), T{1.5});
  example.positives.resize(static_cast<size_t>(example.tile.positives().size()), T{NAN});
  return example;
}

template <typename T>
class ContrastSweepsTest : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(ContrastSweepsTest, Types);

template <typename T>
double Tolerance() {
  return sizeof(T) == 4 ? 4e-6 : 1e-14;  // Of e = exp(s): |s| times the rounding of s.
}

TYPED_TEST(ContrastSweepsTest, SumsExponentialsOfNegativesAndSquaresOfAll) {
  for (const Layout& layout : kLayouts) {
    for (double clip : {10.0, 2.0, 40.0, 60.0, kInfinity}) {
      for (bool referenced : {false, true}) {
        if (!referenced && clip > kLargestBareClip) continue;
        auto example = MakeExample<TypeParam>(layout);
        std::vector<double> exps(static_cast<size_t>(example.tile.padded_columns()), 2);
        std::vector<double> squares(exps.size(), 3);
        SumExponentials(example.tile, example.scores.data(), example.How(clip, referenced), nullptr, exps.data(),
                        squares.data(), example.positives.data());
        for (int64_t b = 0; b < layout.columns; ++b) {
          double exp_sum = 2;
          double square_sum = 3;
          for (int64_t image = 0; image < layout.images; ++image) {
            for (int64_t l = 0; l < layout.locations; ++l) {
              const auto x = static_cast<double>(example.at(image, l, b));
              square_sum += x * x;
              if (!example.IsOwn(image, b)) exp_sum += std::exp(Clip(x, clip).value - (referenced ? 1.5 : 0));
            }
          }
          EXPECT_NEAR(exps[static_cast<size_t>(b)], exp_sum, Tolerance<TypeParam>() * exp_sum);
          EXPECT_NEAR(squares[static_cast<size_t>(b)], square_sum, Tolerance<TypeParam>() * square_sum);
        }
      }
    }
  }
}

// What is there was never written.
TYPED_TEST(ContrastSweepsTest, ColumnsBehindTheLastChangeNothing) {
  for (const Layout& layout : kLayouts) {
    auto example = MakeExample<TypeParam>(layout);
    const auto sums_with = [&](TypeParam behind) {
      for (int64_t r = 0; r < example.panels.rows; ++r) {
        for (int64_t b = layout.columns; b < example.tile.padded_columns(); ++b) {
          example.scores[static_cast<size_t>(example.panels.Offset(r, b))] = behind;
        }
      }
      std::vector<double> exps(static_cast<size_t>(example.tile.padded_columns()));
      std::vector<double> squares(exps.size());
      SumExponentials(example.tile, example.scores.data(), example.How(10, false), nullptr, exps.data(), squares.data(),
                      example.positives.data());
      exps.resize(static_cast<size_t>(layout.columns));
      squares.resize(exps.size());
      return std::pair(exps, squares);
    };
    EXPECT_EQ(sums_with(TypeParam{1}), sums_with(static_cast<TypeParam>(kInfinity)));
    EXPECT_EQ(sums_with(TypeParam{1}), sums_with(std::numeric_limits<TypeParam>::quiet_NaN()));
  }
}

TYPED_TEST(ContrastSweepsTest, CopiesThePositivesOfTheTile) {
  for (const Layout& layout : kLayouts) {
    auto example = MakeExample<TypeParam>(layout);
    std::vector<double> sums(static_cast<size_t>(example.tile.padded_columns()));
    SumExponentials(example.tile, example.scores.data(), example.How(10, false), nullptr, sums.data(), sums.data(),
                    example.positives.data());
    for (int64_t b = 0; b < layout.columns; ++b) {
      const int64_t image = b - layout.positive_column;
      for (int64_t l = 0; l < layout.locations; ++l) {
        const TypeParam positive = example.positives[example.PositiveAt(l, b)];
        if (image >= 0 && image < layout.images) {
          EXPECT_EQ(positive, example.at(image, l, b));
        } else {
          EXPECT_TRUE(std::isnan(positive));
        }
      }
    }
  }
}

TYPED_TEST(ContrastSweepsTest, FindsTheLargestNegative) {
  for (const Layout& layout : kLayouts) {
    auto example = MakeExample<TypeParam>(layout);
    std::vector<TypeParam> maxima(static_cast<size_t>(example.tile.padded_columns()), TypeParam{-1});
    MaxOfNegatives(example.tile, example.scores.data(), maxima.data());
    for (int64_t b = 0; b < layout.columns; ++b) {
      TypeParam expected = -1;
      for (int64_t image = 0; image < layout.images; ++image) {
        for (int64_t l = 0; l < layout.locations; ++l) {
          if (!example.IsOwn(image, b)) expected = std::max(expected, example.at(image, l, b));
        }
      }
      EXPECT_EQ(maxima[static_cast<size_t>(b)], expected);
    }
  }
}

TYPED_TEST(ContrastSweepsTest, ScoresPositivesAgainstTheirNegatives) {
  for (const Layout& layout : kLayouts) {
    for (double clip : {10.0, 60.0, kInfinity}) {
      auto example = MakeExample<TypeParam>(layout);
      const Panels panels = example.tile.positives();
      const std::vector<TypeParam> scores(example.scores.begin(), example.scores.begin() + panels.size());
      std::vector<TypeParam> positives = scores;
      const bool referenced = clip > kLargestBareClip;
      const std::vector<double> exps(static_cast<size_t>(example.tile.padded_columns()), 50.0);
      std::vector<double> losses(exps.size());
      std::vector<double> sigmoids(exps.size());
      ScorePositives(panels, example.How(clip, referenced), {exps.data(), TypeParam{3}, TypeParam{0.5}},
                     positives.data(), losses.data(), sigmoids.data());
      for (int64_t b = 0; b < layout.columns; ++b) {
        double loss = 0;
        double sigmoid_sum = 0;
        for (int64_t l = 0; l < layout.locations; ++l) {
          const auto x = static_cast<double>(scores[example.PositiveAt(l, b)]);
          const Clipped clipped = Clip(x, clip);
          const double distance = clipped.value - (referenced ? 1.5 : 0);
          const double sigmoid = 50 / (50 + std::exp(distance));
          loss += std::log1p(std::exp(std::log(50.0) - distance));
          sigmoid_sum += sigmoid;
          EXPECT_NEAR(static_cast<double>(positives[example.PositiveAt(l, b)]), 0.5 * x - 3 * sigmoid * clipped.slope,
                      Tolerance<TypeParam>() * (std::abs(x) + 3));
        }
        EXPECT_NEAR(losses[static_cast<size_t>(b)], loss, Tolerance<TypeParam>() * (loss + 1));
        EXPECT_NEAR(sigmoids[static_cast<size_t>(b)], sigmoid_sum, Tolerance<TypeParam>() * (sigmoid_sum + 1));
      }
    }
  }
}

TYPED_TEST(ContrastSweepsTest, FormsGradientsInPlaceAndNothingBehind) {
  for (const Layout& layout : kLayouts) {
    for (double clip : {10.0, 60.0, kInfinity}) {
      auto example = MakeExample<TypeParam>(layout);
      const auto before = example;
      for (size_t i = 0; i < example.positives.size(); ++i) example.positives[i] = static_cast<TypeParam>(i);
      const bool referenced = clip > kLargestBareClip;
      const std::vector<TypeParam> negatives(static_cast<size_t>(example.tile.padded_columns()), TypeParam{0.25});
      FormGradient(example.tile, example.How(clip, referenced),
                   {negatives.data(), TypeParam{0.5}, example.positives.data(), nullptr}, example.scores.data());
      for (int64_t b = 0; b < layout.columns; ++b) {
        for (int64_t image = 0; image < layout.images; ++image) {
          for (int64_t l = 0; l < layout.locations; ++l) {
            const auto x = static_cast<double>(before.at(image, l, b));
            const Clipped clipped = Clip(x, clip);
            const double e = std::exp(clipped.value - (referenced ? 1.5 : 0));
            double expected = 0.25 * e * clipped.slope + 0.5 * x;
            if (example.IsOwn(image, b)) expected = static_cast<double>(example.positives[example.PositiveAt(l, b)]);
            EXPECT_NEAR(static_cast<double>(example.at(image, l, b)), expected,
                        Tolerance<TypeParam>() * (std::abs(expected) + e + std::abs(x)));
          }
        }
        for (int64_t behind = 0; behind < 2; ++behind) {
          EXPECT_EQ(example.at(layout.images, behind, b), before.at(layout.images, behind, b));
        }
      }
    }
  }
}

TYPED_TEST(ContrastSweepsTest, FormsTheSameGradientsFromKeptSlopes) {
  for (const Layout& layout : kLayouts) {
    for (double clip : {10.0, 60.0, kInfinity}) {
      auto example = MakeExample<TypeParam>(layout);
      const auto how = example.How(clip, clip > kLargestBareClip);
      std::vector<TypeParam> slopes(example.scores.size());
      std::vector<double> sums(static_cast<size_t>(example.tile.padded_columns()));
      SumExponentials(example.tile, example.scores.data(), how, slopes.data(), sums.data(), sums.data(),
                      example.positives.data());
      auto kept = example;
      const std::vector<TypeParam> weights(static_cast<size_t>(example.tile.padded_columns()), TypeParam{0.25});
      FormGradient(example.tile, how, {weights.data(), TypeParam{0.5}, example.positives.data(), nullptr},
                   example.scores.data());
      FormGradient(kept.tile, how, {weights.data(), TypeParam{0.5}, kept.positives.data(), slopes.data()},
                   kept.scores.data());
      for (int64_t b = 0; b < layout.columns; ++b) {
        for (int64_t image = 0; image < layout.images; ++image) {
          for (int64_t l = 0; l < layout.locations; ++l) EXPECT_EQ(kept.at(image, l, b), example.at(image, l, b));
        }
        EXPECT_EQ(kept.at(layout.images, 0, b), example.at(layout.images, 0, b));
      }
    }
  }
}

TYPED_TEST(ContrastSweepsTest, KeepsRelativePrecisionOfSlopesWhereTheClipSaturates) {
  auto example = MakeExample<TypeParam>({1, 1, 5, 1});
  example.scores[0] = 120;
  const std::vector<TypeParam> weights(static_cast<size_t>(example.tile.padded_columns()), TypeParam{1});
  FormGradient(example.tile, example.How(10, false), {weights.data(), TypeParam{0}, example.positives.data(), nullptr},
               example.scores.data());
  const double expected = std::exp(10 * std::tanh(12.0)) * Clip(120, 10).slope;
  EXPECT_NEAR(static_cast<double>(example.at(0, 0, 0)), expected, 1e-5 * expected);
}

TYPED_TEST(ContrastSweepsTest, PassesOnNanToItsColumnAlone) {
  for (double clip : {10.0, 60.0, kInfinity}) {
    for (int64_t image = 0; image < 3; ++image) {
      for (int64_t column = 0; column < 20; ++column) {
        auto example = MakeExample<TypeParam>({3, 5, 16, 20});
        example.scores[static_cast<size_t>(example.panels.Offset(image * 5 + 3, column))] =
            std::numeric_limits<TypeParam>::quiet_NaN();
        std::vector<double> exps(64);
        std::vector<double> squares(64);
        const ScoreClip<TypeParam> how = example.How(clip, clip > kLargestBareClip);
        SumExponentials(example.tile, example.scores.data(), how, nullptr, exps.data(), squares.data(),
                        example.positives.data());
        for (int64_t b = 0; b < 20; ++b) {
          EXPECT_EQ(std::isnan(exps[static_cast<size_t>(b)]), b == column && !example.IsOwn(image, b));
          EXPECT_EQ(std::isnan(squares[static_cast<size_t>(b)]), b == column);
        }
        const std::vector<double> totals(64, 1.0);
        std::vector<double> losses(64);
        std::vector<double> sigmoids(64);
        for (TypeParam& positive : example.positives) positive = std::isnan(positive) ? TypeParam{0} : positive;
        example.positives[example.PositiveAt(2, column)] = std::numeric_limits<TypeParam>::quiet_NaN();
        ScorePositives(example.tile.positives(), how, {totals.data(), TypeParam{1}, TypeParam{0}},
                       example.positives.data(), losses.data(), sigmoids.data());
        for (int64_t b = 0; b < 20; ++b) {
          EXPECT_EQ(std::isnan(losses[static_cast<size_t>(b)]), b == column);
          EXPECT_EQ(std::isnan(sigmoids[static_cast<size_t>(b)]), b == column);
        }
      }
    }
  }
}

}  // namespace
}  // namespace lossd
