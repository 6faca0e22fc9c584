// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/row_exponentials.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace lossd {
namespace {

template <typename T>
std::vector<T> DrawRow(size_t count) {
  std::mt19937_64 engine(count);
  std::normal_distribution<double> normal(0, 5);
  std::vector<T> row(count);
  for (T& value : row) value = static_cast<T>(normal(engine));
  return row;
}

template <typename T>
class RowExponentialsTest : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(RowExponentialsTest, Types);

TYPED_TEST(RowExponentialsTest, AgreesWithTheStandardLibraryForAnyLength) {
  for (size_t count = 1; count < 2500; count = count < 80 ? count + 1 : count * 3 / 2) {
    const std::vector<TypeParam> row = DrawRow<TypeParam>(count);
    const auto length = static_cast<int64_t>(count);
    const TypeParam maximum = MaxOfRow(row.data(), length);
    EXPECT_EQ(maximum, *std::max_element(row.begin(), row.end()));
    std::vector<TypeParam> exponentials = row;
    const double sum = ExponentiateRow(exponentials.data(), length, maximum);
    long double expected = 0;
    const double epsilon = std::numeric_limits<TypeParam>::epsilon();
    for (size_t i = 0; i < count; ++i) {
      const double e = std::exp(static_cast<double>(row[i] - maximum));
      EXPECT_NEAR(exponentials[i], e, 2 * epsilon * e);
      expected += e;
    }
    EXPECT_NEAR(sum, static_cast<double>(expected), 8 * epsilon * static_cast<double>(expected));
  }
}

TYPED_TEST(RowExponentialsTest, LeavesWhatLiesBehindTheRowAlone) {
  std::vector<TypeParam> row(40, TypeParam{-1});
  ExponentiateRow(row.data(), 37, TypeParam{0});
  ScaleRow(row.data(), 37, TypeParam{2});
  EXPECT_EQ(std::vector<TypeParam>(row.begin() + 37, row.end()), std::vector<TypeParam>(3, TypeParam{-1}));
  EXPECT_NEAR(row[36], 2 * std::exp(-1.0), 1e-6);
}

TYPED_TEST(RowExponentialsTest, TakesMinusInfinityAsNothingAndPassesNanOn) {
  constexpr TypeParam kInfinity = std::numeric_limits<TypeParam>::infinity();
  for (const int64_t count : {3, 64}) {
    std::vector<TypeParam> row(static_cast<size_t>(count), -kInfinity);
    row[1] = 0;
    EXPECT_EQ(ExponentiateRow(row.data(), count, TypeParam{0}), 1);
    EXPECT_EQ(row[0], 0);
    row[2] = std::numeric_limits<TypeParam>::quiet_NaN();
    EXPECT_TRUE(std::isnan(ExponentiateRow(row.data(), count, TypeParam{0})));
  }
}

TYPED_TEST(RowExponentialsTest, ScalesEveryValue) {
  std::vector<TypeParam> row = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};
  ScaleRow(row.data(), 17, TypeParam{0.5});
  for (size_t i = 0; i < row.size(); ++i) EXPECT_EQ(row[i], static_cast<TypeParam>(i + 1) / 2);
}

}  // namespace
}  // namespace lossd
