// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/far_columns.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(FarColumnsTest, CubesOfNearColumnsStayWithinTheRange) {
  for (double size = 1; size < 1e38; size *= 10) {
    const auto near = static_cast<float>(size * NearFactor<float>(size));
    EXPECT_TRUE(std::isnormal(near * near * near * 1e6f)) << size;
  }
  for (double size = 1; size < 1e307; size *= 10) {
    const double near = size * NearFactor<double>(size);
    EXPECT_TRUE(std::isnormal(near * near * near * 1e6)) << size;
  }
  EXPECT_EQ(NearFactor<float>(1e9), 1);
  EXPECT_EQ(NearFactor<double>(1e90), 1);
  EXPECT_EQ(NearFactor<double>(std::numeric_limits<double>::infinity()), 1);
}

TEST(FarColumnsTest, ElementsAreScaledWhereOneIsFar) {
  float columns[] = {5, 6};
  EXPECT_EQ(WriteNear([](int64_t i) { return static_cast<double>(i) + 1; }, 2, columns), 1);
  EXPECT_EQ(columns[0], 5);
  EXPECT_EQ(WriteNear([](int64_t i) { return i == 0 ? 0x1p40 : 0x1p20; }, 2, columns), 0x1p-50);
  EXPECT_EQ(columns[0], 0x1p-10f);
  EXPECT_EQ(columns[1], 0x1p-30f);
}

TEST(FarColumnsTest, MeansOfTheLargestDoublesAreNumbers) {
  const std::vector<double> columns = {1.7e308, 1, 1.5e308, 3};
  EXPECT_DOUBLE_EQ(FarMean(columns.data(), 2, 2), 1.6e308);
  EXPECT_DOUBLE_EQ(FarMean(columns.data() + 1, 2, 2), 2);
}

TEST(FarColumnsTest, DeviationsAreThoseOfNearColumnsTimesTheirSize) {
  const double centred[] = {3, -1, -2};
  const double plain = std::sqrt(14.0 / 2);
  for (const double size : {1e-300, 1e-200, 1.0, 1e160, 1e300}) {
    const auto at = [&](int64_t n) { return size * centred[n]; };
    EXPECT_NEAR(FarDeviation(at, 3, 2, 0) / size, plain, 1e-14) << size;
  }
  const auto zero = [](int64_t) { return 0.0; };
  EXPECT_EQ(FarDeviation(zero, 3, 2, 0), 0);
  EXPECT_EQ(FarDeviation(zero, 3, 2, 4), 2);
}

}  // namespace
}  // namespace lossd
