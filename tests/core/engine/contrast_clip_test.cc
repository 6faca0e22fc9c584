// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/larger_or_nan.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/core/engine/contrast_clip_test.cc"
#include "hwy/foreach_target.h"
// Highway wants these after foreach_target.h.
#include "core/engine/contrast_clip-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace lossd {
namespace HWY_NAMESPACE {
namespace {

// Applies a BareClip to whole groups of vectors. `count` must be a multiple of 64.
void ApplyBare(const float* x, size_t count, float clip, float* exponential, float* slope, float* distance) {
  const BareClip bare(clip);
  ForRows<float>(static_cast<int64_t>(count / hn::Lanes(hn::ScalableTag<float>())),
                 static_cast<int64_t>(hn::Lanes(hn::ScalableTag<float>())), [&](auto group, int64_t i) HWY_ATTR {
                   typename decltype(group)::V vectors[decltype(group)::kCount];
                   group.Load(x + i, vectors);
                   const auto clipped = bare.Apply(vectors);
                   group.Store(clipped.exponential, exponential + i);
                   group.Store(clipped.slope, slope + i);
                   group.Store(clipped.distance, distance + i);
                 });
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lossd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lossd {
namespace {

using ::lossd::testing::LargerOrNan;

HWY_EXPORT(ApplyBare);

constexpr double kHalfUlp = 0x1p-24;  // Of 1 in float.

// What BareClip makes of some scores.
struct Bare {
  explicit Bare(const std::vector<float>& x, float clip) : exponential(x.size()), slope(x.size()), distance(x.size()) {
    HWY_DYNAMIC_DISPATCH(ApplyBare)(x.data(), x.size(), clip, exponential.data(), slope.data(), distance.data());
  }
  std::vector<float> exponential, slope, distance;
};

// Largest errors relative to the exact values, in units of kHalfUlp.
struct Errors {
  double exponential = 0;  // Over 1 + |phi(x)|: what the rounding of phi(x) does to its exponential.
  double slope = 0;        // Over 1 + |2 x / c|, likewise.
  double distance = 0;
};

// Runs a test once for each target that this machine supports.
class BareClipTest : public ::testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

INSTANTIATE_TEST_SUITE_P(Targets, BareClipTest, ::testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& target) { return hwy::TargetName(target.param); });

// phi(x) and exp(-2 |x / clip|) in double; without transcendental functions where these are known.
struct Exact {
  double decay;
  double value;
};

Exact ExactOf(double x, double clip) {
  if (std::abs(x) < 0x1p-40) return {1, x};
  if (std::abs(x) > 0x1p12) return {0, std::copysign(clip, x)};
  return {std::exp(-2 * std::abs(x / clip)), clip * std::tanh(x / clip)};
}

void Compare(double x, double clip, double exponential, double slope, double distance, Errors& errors) {
  const Exact exact = ExactOf(x, clip);
  const double exact_exp = std::abs(x) < 0x1p-40 ? 1 : std::exp(exact.value);
  errors.exponential = LargerOrNan(
      errors.exponential, std::abs(exponential - exact_exp) / (exact_exp * (1 + std::abs(exact.value)) * kHalfUlp));
  if (exact.decay > 0x1p-126) {  // Below, it is 0.
    const double exact_slope = 4 * exact.decay / ((1 + exact.decay) * (1 + exact.decay));
    const double error = std::abs(slope - exact_slope) / (exact_slope * (1 + 2 * std::abs(x / clip)) * kHalfUlp);
    errors.slope = LargerOrNan(errors.slope, error);
  }
  if (std::abs(x) < 0x1p-100) return;  // Subnormal on the way.
  errors.distance = LargerOrNan(errors.distance, std::abs(distance - exact.value) / (std::abs(exact.value) * kHalfUlp));
}

// Every 601st float, or every one with LOSSD_TEST_EXHAUSTIVE.
TEST_P(BareClipTest, IsCloseForEveryFloat) {
  const uint64_t stride = std::getenv("LOSSD_TEST_EXHAUSTIVE") != nullptr ? 1 : 601;
  constexpr size_t kChunk = 4096;
  std::vector<float> x(kChunk);
  for (const float clip : {10.0f, 40.0f}) {
    Errors errors;
    for (uint64_t start = 0; start < (uint64_t{1} << 32); start += stride * kChunk) {
      for (size_t i = 0; i < kChunk; ++i) {
        const auto bits = static_cast<uint32_t>(start + i * stride);
        std::memcpy(&x[i], &bits, sizeof bits);
      }
      const Bare bare(x, clip);
      for (size_t i = 0; i < kChunk; ++i) {
        if (std::isnan(x[i])) {
          ASSERT_TRUE(std::isnan(bare.exponential[i]) && std::isnan(bare.slope[i]) && std::isnan(bare.distance[i]));
        } else {
          Compare(static_cast<double>(x[i]), static_cast<double>(clip), static_cast<double>(bare.exponential[i]),
                  static_cast<double>(bare.slope[i]), static_cast<double>(bare.distance[i]), errors);
        }
      }
    }
    EXPECT_LE(errors.exponential, 6);
    EXPECT_LE(errors.slope, 9);
    EXPECT_LE(errors.distance, 7.5);
  }
}

}  // namespace
}  // namespace lossd
#endif  // HWY_ONCE
