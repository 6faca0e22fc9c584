// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/tensor/convert.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "hwy/targets.h"

namespace lossd {
namespace {

// A 16-bit format by its definition: 2^emin is its smallest normal number, `digits` bits follow the leading one.
struct Format {
  DType dtype;
  int digits, emin, emax;
};
constexpr Format kFloat16 = {DType::kFloat16, 10, -14, 15};
constexpr Format kBFloat16 = {DType::kBFloat16, 7, -126, 127};

// The value of a pattern, from the definition. NaN for NaN patterns.
double ValueOf(const Format& format, uint16_t bits) {
  const int exponent = (bits & 0x7fff) >> format.digits;
  const int fraction = bits & ((1 << format.digits) - 1);
  const double sign = bits & 0x8000 ? -1 : 1;
  if (exponent == format.emax - format.emin + 2) {
    return fraction == 0 ? sign * std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  }
  if (exponent == 0) return sign * std::ldexp(fraction, format.emin - format.digits);
  return sign * std::ldexp((1 << format.digits) + fraction, exponent - 1 + format.emin - format.digits);
}

// `value` rounded once, from the definition of rounding to nearest.
double Rounded(const Format& format, double value) {
  if (!std::isfinite(value) || value == 0) return value;
  const int unit = std::max(std::ilogb(value), format.emin) - format.digits;
  const double rounded = std::ldexp(std::nearbyint(std::ldexp(value, -unit)), unit);
  return std::abs(rounded) >= std::ldexp(1, format.emax + 1) ? std::copysign(INFINITY, value) : rounded;
}

template <typename T>
DType DTypeOf() {
  return sizeof(T) == 8 ? DType::kFloat64 : DType::kFloat32;
}

template <typename T>
void ExpectRoundsLikeTheDefinition(const Format& format, const std::vector<T>& values) {
  std::vector<uint16_t> rounded(values.size());
  RoundTo(DTypeOf<T>(), values.data(), format.dtype, rounded.data(), static_cast<int64_t>(values.size()));
  for (size_t i = 0; i < values.size(); ++i) {
    const double expected = Rounded(format, values[i]);
    const double got = ValueOf(format, rounded[i]);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(got)) << values[i];
    } else {
      ASSERT_EQ(got, expected) << std::hexfloat << static_cast<double>(values[i]);
    }
    ASSERT_EQ((rounded[i] & 0x8000) != 0, std::signbit(values[i])) << std::hexfloat << static_cast<double>(values[i]);
  }
}

// Every 16-bit pattern's value, the midpoints to its neighbours, and what lies just beside these.
template <typename T>
std::vector<T> Borders(const Format& format) {
  std::vector<T> values;
  for (int bits = 0; bits < 0x10000; ++bits) {
    const double value = ValueOf(format, static_cast<uint16_t>(bits));
    if (!std::isfinite(value)) continue;
    const double next =
        std::ldexp(1, std::max(value == 0 ? format.emin : std::ilogb(value), format.emin) - format.digits);
    for (double x : {value, value + next / 2, value - next / 2, value + next / 4}) {
      const T t = static_cast<T>(x);
      for (T y : {t, std::nextafter(t, T(INFINITY)), std::nextafter(t, -T(INFINITY))}) values.push_back(y);
    }
  }
  for (T x : {T(INFINITY), -T(INFINITY), T(NAN), std::numeric_limits<T>::max(), std::numeric_limits<T>::lowest(),
              std::numeric_limits<T>::denorm_min(), -std::numeric_limits<T>::min()}) {
    values.push_back(x);
  }
  return values;
}

// Every 16-bit type with every instruction set of this processor.
class ConvertTest : public ::testing::TestWithParam<std::tuple<Format, int64_t>> {
 protected:
  ConvertTest() { Use(std::get<int64_t>(GetParam())); }
  ~ConvertTest() override { Use(0); }  // Whatever the processor has.

  const Format format_ = std::get<Format>(GetParam());

 private:
  static void Use(int64_t instruction_sets) {
    hwy::SetSupportedTargetsForTest(instruction_sets);
    hwy::GetChosenTarget().DeInit();
  }
};
INSTANTIATE_TEST_SUITE_P(HalfTypes, ConvertTest,
                         ::testing::Combine(::testing::Values(kFloat16, kBFloat16),
                                            ::testing::ValuesIn(hwy::SupportedAndGeneratedTargets())),
                         [](const auto& tested) {
                           return std::string(DTypeName(std::get<Format>(tested.param).dtype)) + "_" +
                                  hwy::TargetName(std::get<int64_t>(tested.param));
                         });

TEST_P(ConvertTest, WidensEveryPatternExactly) {
  const Format& format = format_;
  std::vector<uint16_t> patterns(0x10000);
  for (size_t i = 0; i < patterns.size(); ++i) patterns[i] = static_cast<uint16_t>(i);
  std::vector<float> widened(patterns.size());
  Widen(format.dtype, reinterpret_cast<const std::byte*>(patterns.data()), widened.data(), 0x10000);
  for (uint16_t bits : patterns) {
    const double expected = ValueOf(format, bits);
    const uint32_t got = std::bit_cast<uint32_t>(widened[bits]);
    ASSERT_EQ(got >> 31, bits >> 15);
    if (std::isnan(expected)) {
      const uint32_t fraction = bits & ((1u << format.digits) - 1);
      ASSERT_EQ(got & 0x7fffffffu, 0x7f800000u | (fraction << (23 - format.digits))) << bits;
    } else {
      ASSERT_EQ(widened[bits], expected) << bits;
    }
  }
}

TEST_P(ConvertTest, TellsFinitePatternsApart) {
  const Format& format = format_;
  for (int bits = 0; bits < 0x10000; ++bits) {
    const uint16_t pattern = static_cast<uint16_t>(bits);
    const bool finite = std::isfinite(ValueOf(format, pattern));
    float widened;
    ASSERT_EQ(Widen(format.dtype, reinterpret_cast<const std::byte*>(&pattern), &widened, 1), finite) << bits;
    ASSERT_EQ(AllFinite(format.dtype, &pattern, 1), finite) << bits;
    ASSERT_EQ(AllFinite(DType::kFloat32, &widened, 1), finite) << bits;
  }
}

TEST_P(ConvertTest, RoundsAtEveryBorder) {
  ExpectRoundsLikeTheDefinition(format_, Borders<float>(format_));
  ExpectRoundsLikeTheDefinition(format_, Borders<double>(format_));
}

TEST_P(ConvertTest, RoundsRandomPatterns) {
  std::mt19937_64 random(7);
  std::vector<float> floats(200'000);
  std::vector<double> doubles(200'000);
  for (float& x : floats) x = std::bit_cast<float>(static_cast<uint32_t>(random()));
  for (double& x : doubles) {  // Around the narrow range, with all 52 digits.
    x = std::ldexp(static_cast<double>(random() >> 11), static_cast<int>(random() % 60) - 90) * (random() % 2 ? 1 : -1);
  }
  ExpectRoundsLikeTheDefinition(format_, floats);
  ExpectRoundsLikeTheDefinition(format_, doubles);
}

TEST_P(ConvertTest, WidenedValuesRoundBackToTheirPattern) {
  std::vector<uint16_t> patterns(0x10000), back(0x10000);
  for (size_t i = 0; i < patterns.size(); ++i) patterns[i] = static_cast<uint16_t>(i);
  std::vector<float> widened(patterns.size());
  Widen(format_.dtype, reinterpret_cast<const std::byte*>(patterns.data()), widened.data(), 0x10000);
  RoundTo(DType::kFloat32, widened.data(), format_.dtype, back.data(), 0x10000);
  for (uint16_t bits : patterns) {
    // A signalling NaN becomes quiet.
    const bool nan = std::isnan(ValueOf(format_, bits));
    ASSERT_EQ(back[bits], nan ? bits | (1 << (format_.digits - 1)) : bits);
  }
}

TEST_P(ConvertTest, RoundsInPlace) {
  std::vector<float> values(5'001);
  for (size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i)) * 1e3f;
  std::vector<uint16_t> expected(values.size());
  const int64_t count = static_cast<int64_t>(values.size());
  const SweepStats apart = RoundTo(DType::kFloat32, values.data(), format_.dtype, expected.data(), count);
  const SweepStats in_place = RoundTo(DType::kFloat32, values.data(), format_.dtype, values.data(), count);
  EXPECT_EQ(std::memcmp(values.data(), expected.data(), expected.size() * sizeof(uint16_t)), 0);
  EXPECT_EQ(in_place.sum_of_squares, apart.sum_of_squares);
}

TEST_P(ConvertTest, ReportsOverflowByRoundingAsNonFinite) {
  const double limit = std::ldexp(2 - std::ldexp(1, -format_.digits - 1), format_.emax);
  uint16_t rounded;
  const float below = std::nextafter(static_cast<float>(limit), 0.0f);
  EXPECT_TRUE(RoundTo(DType::kFloat32, &below, format_.dtype, &rounded, 1).finite);
  const float at = static_cast<float>(limit);
  EXPECT_FALSE(RoundTo(DType::kFloat32, &at, format_.dtype, &rounded, 1).finite);
}

TEST_P(ConvertTest, StreamsBytesAsTheyAre) {
  alignas(64) std::array<std::byte, 512> destination = {};
  std::array<std::byte, 513> source;
  for (size_t i = 0; i < source.size(); ++i) source[i] = static_cast<std::byte>(i * 37);
  Stream(source.data() + 1, destination.data() + 64, 384);
  FinishStreaming();
  EXPECT_EQ(std::memcmp(destination.data() + 64, source.data() + 1, 384), 0);
  EXPECT_EQ(destination[63], std::byte{0});
  EXPECT_EQ(destination[448], std::byte{0});
}

TEST_P(ConvertTest, SumsSquaresOfPiecesLikeThoseOfAll) {
  std::vector<float> floats(2 * kSweepChunk + 33);
  std::vector<double> doubles(floats.size());
  std::mt19937 random(3);
  for (float& x : floats) x = std::normal_distribution<float>()(random);
  for (double& x : doubles) x = std::normal_distribution<double>()(random);
  const auto count = static_cast<int64_t>(floats.size());
  for (const int64_t piece : {kSquareLanes, 5 * kSquareLanes, kSweepChunk + kSquareLanes, count}) {
    SquareSum of_floats(DType::kFloat32), of_doubles(DType::kFloat64);
    for (int64_t i = 0; i < count; i += piece) {
      const int64_t step = std::min(piece, count - i);
      of_floats.Add(reinterpret_cast<const std::byte*>(floats.data() + i), step);
      of_doubles.Add(reinterpret_cast<const std::byte*>(doubles.data() + i), step);
    }
    EXPECT_EQ(of_floats.total(), Scan(DType::kFloat32, floats.data(), count).sum_of_squares) << piece;
    EXPECT_EQ(of_doubles.total(), Scan(DType::kFloat64, doubles.data(), count).sum_of_squares) << piece;
  }
}

TEST(RoundToTest, ConvertsBetweenFloat32AndFloat64) {
  const std::vector<double> doubles = {0.1, -1e-320, 1e300, 3.0, -0.0};
  std::vector<float> floats(doubles.size());
  EXPECT_FALSE(RoundTo(DType::kFloat64, doubles.data(), DType::kFloat32, floats.data(), 5).finite);
  for (size_t i = 0; i < doubles.size(); ++i) EXPECT_EQ(floats[i], static_cast<float>(doubles[i]));
  std::vector<double> back(doubles.size());
  EXPECT_FALSE(RoundTo(DType::kFloat32, floats.data(), DType::kFloat64, back.data(), 5).finite);
  for (size_t i = 0; i < doubles.size(); ++i) EXPECT_EQ(back[i], static_cast<double>(floats[i]));
}

TEST(RoundToTest, KeepsBitsWhereTheTypeStays) {
  const std::vector<uint32_t> patterns = {0, 1, 0x7f800001, 0xffc12345, 0x80000000, 0x7f7fffff};
  std::vector<uint32_t> copied(patterns.size());
  EXPECT_FALSE(RoundTo(DType::kFloat32, patterns.data(), DType::kFloat32, copied.data(), 6).finite);
  EXPECT_EQ(copied, patterns);
}

TEST(SweepTest, FindsTheOneNonFiniteElementWhereverItIs) {
  for (int64_t count : {1, 2, 15, 16, 17, 511, 513, 1030}) {
    std::vector<float> floats(static_cast<size_t>(count), 3e38f);
    std::vector<double> doubles(static_cast<size_t>(count), 1e308);
    ASSERT_TRUE(Scan(DType::kFloat32, floats.data(), count).finite);
    ASSERT_TRUE(Scan(DType::kFloat64, doubles.data(), count).finite);
    ASSERT_TRUE(AllFinite(DType::kFloat64, doubles.data(), count));
    for (int64_t i = 0; i < count; ++i) {
      const size_t at = static_cast<size_t>(i);
      floats[at] = i % 2 ? NAN : -INFINITY;
      doubles[at] = i % 2 ? INFINITY : -NAN;
      ASSERT_FALSE(Scan(DType::kFloat32, floats.data(), count).finite);
      ASSERT_FALSE(Scan(DType::kFloat64, doubles.data(), count).finite);
      ASSERT_FALSE(AllFinite(DType::kFloat32, floats.data(), count));
      ASSERT_FALSE(AllFinite(DType::kFloat64, doubles.data(), count));
      floats[at] = 0;
      doubles[at] = 0;
    }
  }
}

TEST(SweepTest, PartsAtChunkBordersAddUpToTheSameBits) {
  const int64_t count = 3 * kSweepChunk + 77;
  std::vector<float> values(static_cast<size_t>(count));
  std::mt19937 random(3);
  for (float& x : values) x = std::normal_distribution<float>()(random);
  double added = 0;
  for (int64_t i = 0; i < count; i += kSweepChunk) {
    added += Scan(DType::kFloat32, values.data() + i, std::min(kSweepChunk, count - i)).sum_of_squares;
  }
  const SweepStats whole = Scan(DType::kFloat32, values.data(), count);
  EXPECT_EQ(added, whole.sum_of_squares);
  std::vector<uint16_t> rounded(values.size());
  EXPECT_EQ(RoundTo(DType::kFloat32, values.data(), DType::kFloat16, rounded.data(), count).sum_of_squares, added);
  double expected = 0;
  for (float x : values) expected += static_cast<double>(x) * x;
  EXPECT_NEAR(added, expected, 1e-9 * expected);
}

TEST(SweepTest, IntegersAreFinite) {
  const int64_t all_ones = -1;
  EXPECT_TRUE(AllFinite(DType::kInt64, &all_ones, 1));
  EXPECT_TRUE(Scan(DType::kInt64, &all_ones, 1).finite);
  EXPECT_EQ(Scan(DType::kInt64, &all_ones, 1).sum_of_squares, 0);
}

}  // namespace
}  // namespace lossd
