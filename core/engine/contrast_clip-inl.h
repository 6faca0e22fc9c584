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
  explicit AnyClip(T clip)
      : clip_(hn::Set(d_, clip)), inverse_(hn::Set(d_, std::min(T{1} / clip, std::numeric_limits<T>::max() / 4))) {}

  HWY_INLINE hn::Vec<hn::ScalableTag<T>> ValueOf(hn::Vec<hn::ScalableTag<T>> x) const {
    return ClipByTanh(d_, x, clip_, inverse_).value;
  }

  void SetReference(hn::Vec<hn::ScalableTag<T>> reference) { reference_ = reference; }

  template <int kVectors>
  HWY_INLINE ClippedGroup<T, kVectors> Apply(const hn::Vec<hn::ScalableTag<T>> (&x)[kVectors]) const {
    ClippedGroup<T, kVectors> group;
    const auto most = hn::Set(d_, kMostExponent);
    for (int k = 0; k < kVectors; ++k) {
      ClippedScore<hn::Vec<hn::ScalableTag<T>>> clipped = {x[k], hn::Set(d_, T{1})};
      if constexpr (kFinite) clipped = ClipByTanh(d_, x[k], clip_, inverse_);
      group.distance[k] = hn::Sub(clipped.value, reference_);
      group.slope[k] = clipped.slope;
      auto exponent = group.distance[k];
      if constexpr (kFinite) exponent = hn::IfThenElse(hn::Gt(exponent, most), most, exponent);
      group.exponential[k] = HWY_NAMESPACE::Exp(d_, exponent);
    }
    return group;
  }

 private:
  static constexpr T kMostExponent = sizeof(T) == 4 ? 80 : 700;  // Sums of its exponentials are finite.

  const hn::ScalableTag<T> d_;
  hn::Vec<hn::ScalableTag<T>> clip_;
  hn::Vec<hn::ScalableTag<T>> inverse_;
  hn::Vec<hn::ScalableTag<T>> reference_ = hn::Zero(d_);
};

// Float, c <= kLargestBareClip, m = 0: everything in powers of two, whose reduction takes no multiplication, no looks
// at the range, and a reciprocal in place of the division. Errors relative to the values, in units of 2^-24, at most:
// 8.5 of phi(x), 9 (1 + |2 x / c|) of phi'(x) where that is above 2^-124, its least, 7 (1 + |phi(x)|) of e.
class BareClip {
 public:
  using D = hn::ScalableTag<float>;
  using V = hn::Vec<D>;

  explicit BareClip(float clip)
      : half_factor_(hn::Set(d_, FiniteCast<float>(-2.0 * kLog2e / clip))), scale_(hn::Set(d_, clip * kLog2e)) {}

  void SetReference(V /*zero*/) {}

  template <int kVectors>
  HWY_INLINE ClippedGroup<float, kVectors> Apply(const V (&x)[kVectors]) const {
    ClippedGroup<float, kVectors> group;
    V power[kVectors];
    V whole[kVectors];
    V rest[kVectors];
    V decay[kVectors];
    V inverse[kVectors];
    const V one = hn::Set(d_, 1.0f);
    const V lowest = hn::Set(d_, -126.0f);
    // decay = exp(-2 |x / c|)
    for (int k = 0; k < kVectors; ++k) power[k] = hn::Mul(hn::Abs(x[k]), half_factor_);
    for (int k = 0; k < kVectors; ++k) power[k] = hn::IfThenElse(hn::Lt(power[k], lowest), lowest, power[k]);
    SplitPowers(power, whole, rest);
    for (int k = 0; k < kVectors; ++k) rest[k] = hn::Mul(whole[k], rest[k]);
    for (int k = 0; k < kVectors; ++k) decay[k] = hn::Add(whole[k], rest[k]);
    for (int k = 0; k < kVectors; ++k) inverse[k] = InverseOf(hn::Add(one, decay[k]));
    // phi(x) log2(e) = c log2(e) (1 - decay) / (1 + decay); 1 - whole is exact, and 0 where decay is near 1.
    for (int k = 0; k < kVectors; ++k) power[k] = hn::Sub(hn::Sub(one, whole[k]), rest[k]);
    for (int k = 0; k < kVectors; ++k) power[k] = hn::Mul(hn::Mul(power[k], inverse[k]), scale_);
    for (int k = 0; k < kVectors; ++k) power[k] = hn::CopySign(power[k], x[k]);
    // phi'(x) = (2 / (1 + decay))^2 decay
    for (int k = 0; k < kVectors; ++k) inverse[k] = hn::Add(inverse[k], inverse[k]);
    for (int k = 0; k < kVectors; ++k) group.slope[k] = hn::Mul(hn::Mul(inverse[k], inverse[k]), decay[k]);
    for (int k = 0; k < kVectors; ++k) group.distance[k] = hn::Mul(power[k], hn::Set(d_, kLn2));
    SplitPowers(power, whole, rest);
    for (int k = 0; k < kVectors; ++k) group.exponential[k] = hn::MulAdd(whole[k], rest[k], whole[k]);
    return group;
  }

 private:
  static constexpr float kLog2e = 1.44269504088896341f;
  static constexpr float kLn2 = 0.693147180559945309f;
  // 2^f - 1 = f p(f) for |f| <= 1/2: fitted to the smallest error relative to 2^f, 1.6e-8 with these floats.
  static constexpr float kCoefficients[] = {0.69314718246f, 0.24022647738f,  0.055503323674f,
                                            0.00961843692f, 0.001339887385f, 0.000153533620f};

  // 2^power = whole * (1 + rest) with whole a power of two, for -126 <= power <= 127.
  template <int kVectors>
  HWY_INLINE void SplitPowers(const V (&power)[kVectors], V (&whole)[kVectors], V (&rest)[kVectors]) const {
    const hn::RebindToSigned<D> di;
    const V round = hn::Set(d_, ExpConstants<float>::kRound);
    V fraction[kVectors];
    for (int k = 0; k < kVectors; ++k) whole[k] = hn::Add(power[k], round);
    for (int k = 0; k < kVectors; ++k) fraction[k] = hn::Sub(power[k], hn::Sub(whole[k], round));
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

  // 1 / x for 1 <= x <= 2, to about an ulp.
  HWY_INLINE V InverseOf(V x) const {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
    const V guess = hn::ApproximateReciprocal(x);  // At least 11 bits on this architecture.
    return hn::Mul(guess, hn::NegMulAdd(x, guess, hn::Set(d_, 2.0f)));
#else
    return hn::Div(hn::Set(d_, 1.0f), x);
#endif
  }

  const D d_;
  V half_factor_;  // -2 log2(e) / c
  V scale_;        // c log2(e)
};

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lossd
HWY_AFTER_NAMESPACE();

#endif  // LOSSD_CORE_ENGINE_CONTRAST_CLIP_INL_H_
