// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/map_products.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

// Channels, locations, images there are and the ones in question, source images.
struct Extents {
  int64_t channels, locations, all_images;
  Images images;
  int64_t columns;
};
// Around tiles, vectors, panels and runs.
constexpr Extents kExtents[] = {{1, 1, 1, {0, 1}, 1},      {5, 4, 3, {0, 3}, 3},      {64, 49, 4, {1, 4}, 16},
                                {13, 25, 5, {2, 5}, 17},   {300, 49, 3, {0, 3}, 33},  {7, 300, 2, {0, 2}, 20},
                                {40, 1, 30, {5, 30}, 40},  {3, 16, 20, {0, 20}, 64},  {9, 17, 7, {0, 7}, 300},
                                {260, 600, 2, {1, 2}, 48}, {25, 2, 150, {0, 150}, 5}, {12, 15, 9, {3, 4}, 100}};

template <typename T>
struct Example {
  Extents extents;
  MapProduct<T> product;
  std::vector<T> targets, sources, scores;
  Panels score_panels;  // With a few rows more than needed.

  explicit Example(const Extents& e)
      : extents(e),
        product{nullptr, e.channels, e.locations, e.images, e.columns, PanelWidth<T>(e.columns), T{0.5}},
        targets(Normal(e.all_images * e.channels * e.locations, 1)),
        sources(Normal(product.sources().size(), 2)),
        score_panels{product.rows() + 3, e.columns, product.width} {
    product.targets = targets.data();
    scores = Normal(score_panels.size(), 3);
  }

  static std::vector<T> Normal(int64_t count, uint32_t seed) {
    std::mt19937 engine(seed);
    std::normal_distribution<double> normal;
    std::vector<T> values(static_cast<size_t>(count));
    for (T& value : values) value = static_cast<T>(normal(engine));
    return values;
  }
  int64_t panel_size() const { return score_panels.panel_size(); }
  size_t TargetAt(int64_t image, int64_t channel, int64_t location) const {
    return static_cast<size_t>((image * extents.channels + channel) * extents.locations + location);
  }
  size_t SourceAt(int64_t channel, int64_t column) const {
    return static_cast<size_t>(product.sources().Offset(channel, column));
  }
  size_t ScoreAt(int64_t image, int64_t location, int64_t column) const {
    const int64_t row = (image - extents.images.first) * extents.locations + location;
    return static_cast<size_t>(score_panels.Offset(row, column));
  }
};

// Of sums of `count` products of normal numbers.
template <typename T>
double Tolerance(int64_t count) {
  return 16 * static_cast<double>(std::numeric_limits<T>::epsilon()) * std::sqrt(static_cast<double>(count)) + 1e-30;
}

template <typename T>
class MapProductsTest : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(MapProductsTest, Types);

TYPED_TEST(MapProductsTest, ScoresSourcesAgainstTargets) {
  for (const Extents& e : kExtents) {
    Example<TypeParam> example(e);
    FormMapScores(example.product, example.sources.data(), example.panel_size(), example.scores.data());
    for (int64_t image = e.images.first; image < e.images.last; ++image) {
      for (int64_t l = 0; l < e.locations; ++l) {
        for (int64_t b = 0; b < e.columns; ++b) {
          double sum = 0;
          for (int64_t c = 0; c < e.channels; ++c) {
            sum += 0.5 * static_cast<double>(example.targets[example.TargetAt(image, c, l)]) *
                   static_cast<double>(example.sources[example.SourceAt(c, b)]);
          }
          ASSERT_NEAR(static_cast<double>(example.scores[example.ScoreAt(image, l, b)]), sum,
                      Tolerance<TypeParam>(e.channels));
        }
      }
    }
  }
}

TYPED_TEST(MapProductsTest, FormsTheSourcesGradient) {
  for (const Extents& e : kExtents) {
    for (bool accumulate : {false, true}) {
      Example<TypeParam> example(e);
      std::vector<TypeParam> gradient(example.sources.size(), accumulate ? TypeParam{1} : TypeParam{NAN});
      FormSourceGradient(example.product, example.scores.data(), example.panel_size(), accumulate, gradient.data());
      for (int64_t c = 0; c < e.channels; ++c) {
        for (int64_t b = 0; b < e.columns; ++b) {
          double sum = accumulate ? 1 : 0;
          for (int64_t image = e.images.first; image < e.images.last; ++image) {
            for (int64_t l = 0; l < e.locations; ++l) {
              sum += 0.5 * static_cast<double>(example.targets[example.TargetAt(image, c, l)]) *
                     static_cast<double>(example.scores[example.ScoreAt(image, l, b)]);
            }
          }
          ASSERT_NEAR(static_cast<double>(gradient[example.SourceAt(c, b)]), sum,
                      Tolerance<TypeParam>(example.product.rows()));
        }
      }
    }
  }
}

TYPED_TEST(MapProductsTest, FormsTheTargetsGradientOfItsImagesAlone) {
  for (const Extents& e : kExtents) {
    for (bool accumulate : {false, true}) {
      Example<TypeParam> example(e);
      std::vector<TypeParam> gradient(example.targets.size() + 1, TypeParam{1});
      FormTargetGradient(example.product, example.sources.data(), example.scores.data(), example.panel_size(),
                         accumulate, gradient.data());
      EXPECT_EQ(gradient.back(), TypeParam{1});
      for (int64_t image = 0; image < e.all_images; ++image) {
        const bool written = image >= e.images.first && image < e.images.last;
        for (int64_t l = 0; l < e.locations; ++l) {
          for (int64_t c = 0; c < e.channels; ++c) {
            double sum = accumulate || !written ? 1 : 0;
            for (int64_t b = 0; written && b < e.columns; ++b) {
              sum += 0.5 * static_cast<double>(example.sources[example.SourceAt(c, b)]) *
                     static_cast<double>(example.scores[example.ScoreAt(image, l, b)]);
            }
            ASSERT_NEAR(static_cast<double>(gradient[example.TargetAt(image, c, l)]), sum,
                        Tolerance<TypeParam>(e.columns));
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace lossd
