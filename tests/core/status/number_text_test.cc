// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/status/number_text.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

#include "absl/strings/numbers.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(RoundTripTextTest, SixDigitsWhereTheseAreEnough) {
  EXPECT_EQ(RoundTripText(0), "0");
  EXPECT_EQ(RoundTripText(0.07), "0.07");
  EXPECT_EQ(RoundTripText(-100000), "-100000");
  EXPECT_EQ(RoundTripText(1e20), "1e+20");
  EXPECT_EQ(RoundTripText(std::numeric_limits<double>::infinity()), "inf");
  EXPECT_EQ(RoundTripText(std::nan("")), "nan");
}

TEST(RoundTripTextTest, NoMoreThanItTakes) {
  EXPECT_EQ(RoundTripText(0.1000001), "0.1000001");
  EXPECT_EQ(RoundTripText(1e12 + 1), "1000000000001");
  EXPECT_EQ(RoundTripText(1.0 / 3), "0.3333333333333333");
}

TEST(RoundTripTextTest, ReadsBackToTheBit) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const uint64_t bits = random();
    const auto value = std::bit_cast<double>(bits);
    double back = 0;
    if (std::isnan(value)) continue;
    ASSERT_TRUE(absl::SimpleAtod(RoundTripText(value), &back)) << RoundTripText(value);
    ASSERT_EQ(std::bit_cast<uint64_t>(back), std::bit_cast<uint64_t>(value)) << RoundTripText(value);
  }
}

}  // namespace
}  // namespace lossd
