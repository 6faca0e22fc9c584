// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// From scores to exponentials, several vectors at a time: their operations are interleaved, because one vector's chain
// of dependent operations is longer than what a processor looks ahead. For sources compiled once per target.

#if defined(LOSSD_CORE_ENGINE_CONTRAST_CLIP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LOSSD_CORE_ENGINE_CONTRAST_CLIP_INL_H_
#undef LOSSD_CORE_ENGINE_CONTRAST_CLIP_INL_H_
#else
#define LOSSD_CORE_ENGINE_CONTRAST_CLIP_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/engine/finite_cast.h"
#include "core/engine/vector_math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace lossd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Vectors whose operations are interleaved, as registers allow.
#if (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3) || HWY_ARCH_ARM_A64
inline constexpr int kGroupVectors = 4;
#else
inline constexpr int kGroupVectors = 2;
#endif

// Vectors of kCount neighbouring rows that lie `stride` elements apart.
template <typename T, int kVectors>
struct RowGroup {
  using D = hn::ScalableTag<T>;
  using V = hn::Vec<D>;
  static constexpr int kCount = kVectors;

  int64_t stride;

  HWY_INLINE void Load(const T* from, V (&x)[kCount]) const {
    for (int k = 0; k < kCount; ++k) x[k] = hn::LoadU(D(), from + k * stride);
  }
  HWY_INLINE void Store(const V (&x)[kCount], T* to) const {
    for (int k = 0; k < kCount; ++k) hn::StoreU(x[k], D(), to + k * stride);
  }
};

// Calls `body(group, offset)` for `rows` rows in groups whose first row lies at that offset.
template <typename T, class Body>
HWY_INLINE void ForRows(int64_t rows, int64_t stride, const Body& body) {
  int64_t r = 0;
  for (; r + kGroupVectors <= rows; r += kGroupVectors) body(RowGroup<T, kGroupVectors>{stride}, r * stride);
  for (; r < rows; ++r) body(RowGroup<T, 1>{stride}, r * stride);
}

// A group of scores on the way: e = exp(phi(x) - m), phi'(x), phi(x) - m.
template <typename T, int kVectors>
struct ClippedGroup {
  using V = hn::Vec<hn::ScalableTag<T>>;
  V exponential[kVectors];
  V slope[kVectors];
  V distance[kVectors];
};

// Any c, any reference, through the functions of vector_math-inl.h. Of scores so large that an ulp is a whole number,
// the clip's errors may put one far above the largest, which is m: exponents stop at kMostExponent.
template <typename T, bool kFinite>
class AnyClip {
 public:
  using D = hn::ScalableTag<T>;
  using V = hn::Vec<D>;
  static constexpr T kMostExponent = sizeof(T) == 4 ? 80 : 700;  // Sums of its exponentials are finite.

  explicit AnyClip(T clip) : clip_(hn::Set(d_, std::max(clip, std::numeric_limits<T>::min()))) {}

  HWY_INLINE V ValueOf(V x) const { return ClipByTanh(d_, x, clip_).value; }

  void SetReference(V reference) { reference_ = reference; }

  template <int kVectors>
  HWY_INLINE ClippedGroup<T, kVectors> Apply(const V (&x)[kVectors]) const {
    ClippedGroup<T, kVectors> group;
    const V most = hn::Set(d_, kMostExponent);
    for (int k = 0; k < kVectors; ++k) {
      ClippedScore<V> clipped = {x[k], hn::Set(d_, T{1})};
      if constexpr (kFinite) clipped = ClipByTanh(d_, x[k], clip_);
      group.distance[k] = hn::Sub(clipped.value, reference_);
      group.slope[k] = clipped.slope;
      auto exponent = group.distance[k];
      if constexpr (kFinite) exponent = hn::IfThenElse(hn::Gt(exponent, most), most, exponent);
      group.exponential[k] = HWY_NAMESPACE::Exp(d_, exponent);
    }
    return group;
  }

  // total / (total + exp(distance)), also where the exponential is more than its type holds.
  HWY_INLINE V ShareOfOthers(V total, V log_total, V exponential, V distance) const {
    const V share = hn::Div(total, hn::Add(total, exponential));
    const auto ahead = hn::Gt(distance, hn::Set(d_, kMostExponent));
    if (hn::AllFalse(d_, ahead)) return share;
    return hn::IfThenElse(ahead, HWY_NAMESPACE::Exp(d_, hn::Sub(log_total, distance)), share);
  }

 private:
  const D d_;
  V clip_;
  V reference_ = hn::Zero(d_);
};

// Float, c <= kLargestBareClip, m = 0: everything in powers of two, whose reduction takes no multiplication, no looks
// at the range, and a reciprocal in place of the division. Constants are sums of two floats, and what is left of a
// product after its whole part is formed by fused multiply-adds: neither rounds. Errors relative to the values, in
// units of 2^-24, at most: 5.5 of phi(x) (1.2 in the mean square; 7.5 where reciprocals have 12 bits), 9 (1 + |2 x /
// c|) of phi'(x) where that is above 2^-124, 6 (1 + |phi(x)|) of e.
class BareClip {
 public:
  using D = hn::ScalableTag<float>;
  using V = hn::Vec<D>;

  explicit BareClip(float clip) {
    const double half_factor = FiniteCast<float>(-2.0 * kLog2e / clip);
    half_factor_ = Split(-2.0 * kLog2e / clip);
    most_ = hn::Set(d_, FiniteCast<float>(kLeastPower / half_factor));
    clip_ = hn::Set(d_, clip);
    scale_ = Split(clip * kLog2e);
  }

  void SetReference(V /*zero*/) {}

  template <int kVectors>
  HWY_INLINE ClippedGroup<float, kVectors> Apply(const V (&x)[kVectors]) const {
    ClippedGroup<float, kVectors> group;
    V size[kVectors];
    V whole[kVectors];
    V rest[kVectors];
    V decay[kVectors];
    V tanh[kVectors];
    const V one = hn::Set(d_, 1.0f);
    // decay = exp(-2 |x / c|), and 0 where that is no normal number.
    for (int k = 0; k < kVectors; ++k) size[k] = hn::Abs(x[k]);
    for (int k = 0; k < kVectors; ++k) size[k] = hn::IfThenElse(hn::Gt(size[k], most_), most_, size[k]);
    SplitPowers(half_factor_, size, whole, rest);
    for (int k = 0; k < kVectors; ++k) rest[k] = hn::Mul(whole[k], rest[k]);
    for (int k = 0; k < kVectors; ++k) decay[k] = hn::Add(whole[k], rest[k]);
    // tanh |x / c| = (1 - decay) / (1 + decay); 1 - whole is exact, and 0 where decay is near 1.
    for (int k = 0; k < kVectors; ++k) {
      tanh[k] = Quotient(hn::Sub(hn::Sub(one, whole[k]), rest[k]), hn::Add(one, decay[k]));
    }
    // phi'(x) = (2 / (1 + decay))^2 decay, where 2 / (1 + decay) = 1 + tanh |x / c|
    for (int k = 0; k < kVectors; ++k) size[k] = hn::Add(one, tanh[k]);
    for (int k = 0; k < kVectors; ++k) group.slope[k] = hn::Mul(hn::Mul(size[k], size[k]), decay[k]);
    for (int k = 0; k < kVectors; ++k) tanh[k] = hn::CopySign(tanh[k], x[k]);
    for (int k = 0; k < kVectors; ++k) group.distance[k] = hn::Mul(tanh[k], clip_);
    SplitPowers(scale_, tanh, whole, rest);
    for (int k = 0; k < kVectors; ++k) group.exponential[k] = hn::MulAdd(whole[k], rest[k], whole[k]);
    return group;
  }

  // total / (total + exp(distance)).
  HWY_INLINE V ShareOfOthers(V total, V /*log_total*/, V exponential, V /*distance*/) const {
    return hn::Div(total, hn::Add(total, exponential));
  }

 private:
  static constexpr double kLog2e = 1.44269504088896340736;
  // Rounds to a whole part whose power of two is +0, as are those below.
  static constexpr double kLeastPower = -127;
  // 2^f - 1 = f p(f) for |f| <= 1/2: fitted to the smallest error relative to 2^f, 1.6e-8 with these floats.
  static constexpr float kCoefficients[] = {0.69314718246f, 0.24022647738f,  0.055503323674f,
                                            0.00961843692f, 0.001339887385f, 0.000153533620f};

  // A factor as the sum of two floats.
  struct Factor {
    V high;
    V low;
  };
  Factor Split(double factor) const {
    const float high = FiniteCast<float>(factor);
    const double low = factor - static_cast<double>(high);
    return {hn::Set(d_, high), hn::Set(d_, std::abs(low) < 1 ? static_cast<float>(low) : 0.0f)};
  }

  // 2^(factor x) = whole * (1 + rest) with whole a power of two, for -127 <= factor x <= 127.
  template <int kVectors>
  HWY_INLINE void SplitPowers(const Factor& factor, const V (&x)[kVectors], V (&whole)[kVectors],
                              V (&rest)[kVectors]) const {
    const hn::RebindToSigned<D> di;
    const V round = hn::Set(d_, ExpConstants<float>::kRound);
    V fraction[kVectors];
    for (int k = 0; k < kVectors; ++k) whole[k] = hn::MulAdd(x[k], factor.high, round);
    for (int k = 0; k < kVectors; ++k) fraction[k] = hn::MulSub(x[k], factor.high, hn::Sub(whole[k], round));
    for (int k = 0; k < kVectors; ++k) fraction[k] = hn::MulAdd(x[k], factor.low, fraction[k]);
    for (int k = 0; k < kVectors; ++k) {
      whole[k] =
          hn::BitCast(d_, hn::Add(hn::ShiftLeft<23>(hn::BitCast(di, whole[k])), hn::BitCast(di, hn::Set(d_, 1.0f))));
    }
    for (int k = 0; k < kVectors; ++k) {
      rest[k] = hn::MulAdd(hn::Set(d_, kCoefficients[5]), fraction[k], hn::Set(d_, kCoefficients[4]));
    }
#pragma GCC unroll 4
    for (int i = 3; i >= 0; --i) {
      for (int k = 0; k < kVectors; ++k) rest[k] = hn::MulAdd(rest[k], fraction[k], hn::Set(d_, kCoefficients[i]));
    }
    for (int k = 0; k < kVectors; ++k) rest[k] = hn::Mul(rest[k], fraction[k]);
  }

  // numerator / denominator for 1 <= denominator <= 2, to about half an ulp.
  HWY_INLINE V Quotient(V numerator, V denominator) const {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
    const V guess = hn::ApproximateReciprocal(denominator);  // At least 11 bits on this architecture.
    const V quotient = hn::Mul(numerator, guess);
    return hn::MulAdd(hn::NegMulAdd(quotient, denominator, numerator), guess, quotient);
#else
    return hn::Div(numerator, denominator);
#endif
  }

  const D d_;
  Factor half_factor_;  // -2 log2(e) / c
  Factor scale_;        // c log2(e)
  V most_;              // Scores further from 0 have decays of 0.
  V clip_;
};

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lossd
HWY_AFTER_NAMESPACE();

#endif  // LOSSD_CORE_ENGINE_CONTRAST_CLIP_INL_H_
