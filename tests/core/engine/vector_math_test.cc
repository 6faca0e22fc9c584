// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/sanitizers.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/core/engine/vector_math_test.cc"
#include "hwy/foreach_target.h"
// Highway wants these after foreach_target.h.
#include "core/engine/vector_math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace lossd {
namespace HWY_NAMESPACE {
namespace {

// Applies `function` to whole vectors. `count` must be a multiple of 64.
template <typename T, class Function>
void Apply(const T* in, T* out, size_t count, Function function) {
  const hn::ScalableTag<T> d;
  for (size_t i = 0; i < count; i += hn::Lanes(d)) hn::StoreU(function(d, hn::LoadU(d, in + i)), d, out + i);
}

void ExpFloat(const float* in, float* out, size_t count) {
  Apply(in, out, count, [](auto d, auto x) HWY_ATTR { return Exp(d, x); });
}
void ExpDouble(const double* in, double* out, size_t count) {
  Apply(in, out, count, [](auto d, auto x) HWY_ATTR { return Exp(d, x); });
}

template <typename T>
void Clip(const T* in, T clip, T* value, T* slope, size_t count) {
  const hn::ScalableTag<T> d;
  for (size_t i = 0; i < count; i += hn::Lanes(d)) {
    const auto clipped = ClipByTanh(d, hn::LoadU(d, in + i), hn::Set(d, clip));
    hn::StoreU(clipped.value, d, value + i);
    hn::StoreU(clipped.slope, d, slope + i);
  }
}
void ClipFloat(const float* in, float clip, float* value, float* slope, size_t count) {
  Clip(in, clip, value, slope, count);
}
void ClipDouble(const double* in, double clip, double* value, double* slope, size_t count) {
  Clip(in, clip, value, slope, count);
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lossd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lossd {
namespace {

HWY_EXPORT(ExpFloat);
HWY_EXPORT(ExpDouble);
HWY_EXPORT(ClipFloat);
HWY_EXPORT(ClipDouble);

void VectorExp(const float* in, float* out, size_t count) { HWY_DYNAMIC_DISPATCH(ExpFloat)(in, out, count); }
void VectorExp(const double* in, double* out, size_t count) { HWY_DYNAMIC_DISPATCH(ExpDouble)(in, out, count); }
void VectorClip(const float* in, float clip, float* value, float* slope, size_t count) {
  HWY_DYNAMIC_DISPATCH(ClipFloat)(in, clip, value, slope, count);
}
void VectorClip(const double* in, double clip, double* value, double* slope, size_t count) {
  HWY_DYNAMIC_DISPATCH(ClipDouble)(in, clip, value, slope, count);
}

template <typename T>
constexpr T kInf = std::numeric_limits<T>::infinity();
template <typename T>
constexpr T kNan = std::numeric_limits<T>::quiet_NaN();

// Distance of `actual` from `exact` in units of the last place of a T of that size.
template <typename T, typename Wide>
double UlpError(T actual, Wide exact) {
  const int exponent = std::max(std::ilogb(exact), std::numeric_limits<T>::min_exponent - 1);
  return static_cast<double>(std::abs(std::ldexp(actual - exact, std::numeric_limits<T>::digits - 1 - exponent)));
}

// Runs a test once for each target that this machine supports.
class VectorMathTest : public ::testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

INSTANTIATE_TEST_SUITE_P(Targets, VectorMathTest, ::testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& target) { return hwy::TargetName(target.param); });

// The 2^32 floats in strides: consecutive ones where the exponential is neither 0, 1 nor infinite would take minutes a
// target, so a stride of 61 is the test (of 6101 under a sanitizer), and LOSSD_TEST_EXHAUSTIVE the whole.
TEST_P(VectorMathTest, ExpOfEveryFloatIsWithinAnUlpAndAHundredth) {
  const uint64_t stride = std::getenv("LOSSD_TEST_EXHAUSTIVE") != nullptr ? 1 : lossd::testing::kSanitized ? 6101 : 61;
  constexpr size_t kChunk = 4096;
  std::vector<float> in(kChunk), out(kChunk);
  double worst = 0;
  for (uint64_t start = 0; start < (uint64_t{1} << 32); start += stride * kChunk) {
    for (size_t i = 0; i < kChunk; ++i) {
      const auto bits = static_cast<uint32_t>(start + i * stride);
      std::memcpy(&in[i], &bits, sizeof bits);
    }
    VectorExp(in.data(), out.data(), kChunk);
    for (size_t i = 0; i < kChunk; ++i) {
      if (std::isnan(in[i])) {
        ASSERT_TRUE(std::isnan(out[i]));
        continue;
      }
      const double exact = std::exp(static_cast<double>(in[i]));
      if (static_cast<float>(exact) < std::numeric_limits<float>::min()) {
        ASSERT_EQ(out[i], 0.0f) << in[i];
      } else if (std::isinf(static_cast<float>(exact))) {
        ASSERT_EQ(out[i], kInf<float>) << in[i];
      } else {
        worst = std::max(worst, UlpError(out[i], exact));
      }
    }
  }
  EXPECT_LE(worst, 1.01);
  RecordProperty("worst_ulp", std::to_string(worst));
}

TEST_P(VectorMathTest, ExpOfDoublesIsWithinAnUlpAndAHundredth) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> everywhere(-708.39, 709.78), near(-1.0, 1.0);
  std::vector<double> in(1 << 16), out(in.size());
  for (size_t i = 0; i < in.size(); ++i) in[i] = i % 2 == 0 ? everywhere(random) : near(random);
  VectorExp(in.data(), out.data(), in.size());
  double worst = 0;
  for (size_t i = 0; i < in.size(); ++i) {
    worst = std::max(worst, UlpError(out[i], std::exp(static_cast<long double>(in[i]))));
  }
  EXPECT_LE(worst, 1.01);
}

TEST_P(VectorMathTest, ExpOfDoublesTakesOverflowUnderflowAndNan) {
  std::vector<double> in(64, 0.0), out(64);
  in[1] = kInf<double>;
  in[2] = -kInf<double>;
  in[3] = kNan<double>;
  in[4] = 709.8;
  in[5] = -708.5;
  in[6] = -1e300;
  VectorExp(in.data(), out.data(), in.size());
  EXPECT_EQ(out[0], 1.0);
  EXPECT_EQ(out[1], kInf<double>);
  EXPECT_EQ(out[2], 0.0);
  EXPECT_TRUE(std::isnan(out[3]));
  EXPECT_EQ(out[4], kInf<double>);
  EXPECT_EQ(out[5], 0.0);
  EXPECT_EQ(out[6], 0.0);
}

// Scores of all magnitudes against the same formulas in long double.
template <typename T>
void ExpectClipIsRelativelyExact(T clip) {
  std::mt19937_64 random(11);
  // Below the smallest normal x / clip the quotient itself is inexact.
  const double low = std::log(static_cast<double>(std::numeric_limits<T>::min()) * std::max(2.0, 2.0 * clip));
  std::uniform_real_distribution<double> log_magnitude(low, std::log(40.0 * clip));
  std::vector<T> in(1 << 14), value(in.size()), slope(in.size());
  for (size_t i = 0; i < in.size(); ++i) {
    in[i] = static_cast<T>(std::exp(log_magnitude(random)) * (i % 2 == 0 ? 1 : -1));
    if (i % 4 == 3) in[i] = static_cast<T>((static_cast<double>(i) / static_cast<double>(in.size()) * 40 - 20) * clip);
  }
  VectorClip(in.data(), clip, value.data(), slope.data(), in.size());
  double worst_value = 0;
  double worst_slope = 0;
  for (size_t i = 0; i < in.size(); ++i) {
    const long double y = static_cast<long double>(in[i]) / clip;
    const long double e = std::exp(-2 * std::abs(y));
    worst_value = std::max(worst_value, UlpError(value[i], clip * std::tanh(y)));
    // An error of one ulp in y is one of up to |4 y| ulp in e.
    const double slope_error = UlpError(slope[i], 4 * e / ((1 + e) * (1 + e)));
    worst_slope = std::max(worst_slope, slope_error / static_cast<double>(6 + 4 * std::abs(y)));
  }
  EXPECT_LE(worst_value, 2.0) << "clip " << clip;
  EXPECT_LE(worst_slope, 1.0) << "clip " << clip;
}

TEST_P(VectorMathTest, ClipIsRelativelyExactForSmallAndLargeScores) {
  for (const float clip : {0.3f, 1.0f, 10.0f, 44.0f, 1e6f}) ExpectClipIsRelativelyExact(clip);
  for (const double clip : {0.3, 1.0, 10.0, 1e6}) ExpectClipIsRelativelyExact(clip);
}

template <typename T>
void ExpectClipTakesSpecialScores() {
  std::vector<T> in(64, T{0}), value(64), slope(64);
  in[1] = -T{0};
  in[2] = kInf<T>;
  in[3] = -kInf<T>;
  in[4] = kNan<T>;
  in[5] = std::numeric_limits<T>::max();
  VectorClip(in.data(), T{10}, value.data(), slope.data(), in.size());
  EXPECT_EQ(value[0], T{0});
  EXPECT_EQ(slope[0], T{1});
  EXPECT_TRUE(std::signbit(value[1]));
  EXPECT_EQ(value[2], T{10});
  EXPECT_EQ(slope[2], T{0});
  EXPECT_EQ(value[3], T{-10});
  EXPECT_TRUE(std::isnan(value[4]));
  EXPECT_TRUE(std::isnan(slope[4]));
  EXPECT_EQ(value[5], T{10});
  EXPECT_EQ(slope[5], T{0});
}

// Where all lanes are near 0 the exponential is not formed. What an element becomes must not depend on that.
template <typename T>
void ExpectClipsIndependentOfNeighbours(T clip) {
  constexpr size_t kCount = 4096;
  std::vector<T> in(kCount), alone(kCount), alone_slope(kCount), beside(kCount), beside_slope(kCount);
  for (size_t i = 0; i < kCount; ++i) in[i] = clip * (static_cast<T>(i) / kCount - T{0.5}) * static_cast<T>(1.99);
  VectorClip(in.data(), clip, alone.data(), alone_slope.data(), kCount);
  for (size_t i = 0; i < kCount; i += 2) in[i] = 3 * clip;
  VectorClip(in.data(), clip, beside.data(), beside_slope.data(), kCount);
  for (size_t i = 1; i < kCount; i += 2) {
    ASSERT_EQ(beside[i], alone[i]) << in[i];
    ASSERT_EQ(beside_slope[i], alone_slope[i]) << in[i];
  }
}

TEST_P(VectorMathTest, ClipOfAnElementDoesNotDependOnItsNeighbours) {
  ExpectClipsIndependentOfNeighbours<float>(10);
  ExpectClipsIndependentOfNeighbours<double>(10);
}

TEST_P(VectorMathTest, ClipSaturatesAndPropagatesNan) {
  ExpectClipTakesSpecialScores<float>();
  ExpectClipTakesSpecialScores<double>();
}

}  // namespace
}  // namespace lossd
#endif  // HWY_ONCE
