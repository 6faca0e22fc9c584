// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Exponentials and the tanh clip on Highway vectors of float or double, for inclusion in sources that are compiled once
// per target through hwy/foreach_target.h. Pure functions of each lane: a value never depends on its neighbours, on the
// vector length or, among targets with fused multiply-add, on the target. Rounding to nearest is assumed.

#if defined(LOSSD_CORE_ENGINE_VECTOR_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LOSSD_CORE_ENGINE_VECTOR_MATH_INL_H_
#undef LOSSD_CORE_ENGINE_VECTOR_MATH_INL_H_
#else
#define LOSSD_CORE_ENGINE_VECTOR_MATH_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <iterator>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace lossd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Constants of exp by element type. exp(r) = 1 + r + r^2 q(r) with q a polynomial that was fitted to the smallest
// relative error of exp on |r| <= log(2) / 2: 3.1e-9 for float, 3.6e-18 for double.
template <typename T>
struct ExpConstants;

template <>
struct ExpConstants<float> {
  static constexpr float kLog2e = 1.44269504088896341f;
  static constexpr float kLn2High = 0.693359375f;  // 9 bits: n * kLn2High is exact.
  static constexpr float kLn2Low = -2.12194440054690583e-4f;
  static constexpr float kRound = 12582912.0f;    // 1.5 * 2^23: adding it rounds to an integer in the low bits.
  static constexpr float kHighest = 88.7228317f;  // Largest x with a finite exp.
  static constexpr float kLowest = -87.3365402f;  // Smallest x with a normal exp.
  static constexpr int kMantissaBits = 23;
  static constexpr float kCoefficients[] = {0.499999934313f, 0.166665203905f, 0.041668390921f, 0.0083687458955f,
                                            0.00138145345449f};
};

template <>
struct ExpConstants<double> {
  static constexpr double kLog2e = 1.44269504088896340736;
  static constexpr double kLn2High = 0.693147180369123816490;  // 32 bits: n * kLn2High is exact.
  static constexpr double kLn2Low = 1.90821492927058770002e-10;
  static constexpr double kRound = 6755399441055744.0;  // 1.5 * 2^52.
  static constexpr double kHighest = 709.782712893383973096;
  static constexpr double kLowest = -708.396418532264106224;
  static constexpr int kMantissaBits = 52;
  static constexpr double kCoefficients[] = {0.5000000000000010622355,     0.1666666666666640836241,
                                             0.04166666666653011575992,    0.008333333333496976615442,
                                             0.001388888894366449496578,   0.0001984126950130998308136,
                                             0.00002480149304171786170454, 0.000002755759094511935928807,
                                             2.763027550628190475843e-7,   2.499866190421876148026e-8};
};

// x = n log(2) + r with |r| <= log(2) / 2, for kLowest <= x <= kHighest.
template <class D, class V = hn::Vec<D>>
struct ReducedExp {
  V expm1;                                  // exp(r) - 1.
  hn::Vec<hn::RebindToSigned<D>> exponent;  // n, shifted to where the exponent of a T lies.
};

template <class D, class V = hn::Vec<D>>
HWY_INLINE ReducedExp<D> ReduceExp(D d, V x) {
  using C = ExpConstants<hn::TFromD<D>>;
  const hn::RebindToSigned<D> di;
  const V rounded = hn::MulAdd(x, hn::Set(d, C::kLog2e), hn::Set(d, C::kRound));
  const V n = hn::Sub(rounded, hn::Set(d, C::kRound));
  V r = hn::NegMulAdd(n, hn::Set(d, C::kLn2High), x);
  r = hn::NegMulAdd(n, hn::Set(d, C::kLn2Low), r);
  constexpr size_t kDegree = std::size(C::kCoefficients) - 1;
  V q = hn::Set(d, C::kCoefficients[kDegree]);
  for (size_t i = kDegree; i-- > 0;) q = hn::MulAdd(q, r, hn::Set(d, C::kCoefficients[i]));
  return {hn::MulAdd(hn::Mul(r, r), q, r), hn::ShiftLeft<C::kMantissaBits>(hn::BitCast(di, rounded))};
}

// exp(x). Where the result is a normal number: at most 1.01 ulp off (measured for every float; doubles by sampling).
// Results below the smallest normal number are +0, those above the largest number +inf; NaN gives NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Exp(D d, V x) {
  using T = hn::TFromD<D>;
  using C = ExpConstants<T>;
  const hn::RebindToSigned<D> di;
  const auto reduced = ReduceExp(d, x);
  const V mantissa = hn::Add(hn::Set(d, T{1}), reduced.expm1);
  const V scaled = hn::BitCast(d, hn::Add(hn::BitCast(di, mantissa), reduced.exponent));
  // x * inf is +inf where x is too large, and NaN where it is NaN.
  const V finite = hn::IfThenElse(hn::Le(x, hn::Set(d, C::kHighest)), scaled, hn::Mul(x, hn::Inf(d)));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, C::kLowest)), finite);
}

// tanh(t) / t = 1 - y p(y) / q(y) with y = t^2: the continued fraction y / (3 + y / (5 + ...)) to where its error is
// below 4e-10 (float) or 5e-20 (double) for t <= 1. Coefficients are whole numbers.
template <typename T>
struct TanhConstants;

template <>
struct TanhConstants<float> {
  static constexpr float kNumerator[] = {3465.0f, 189.0f, 1.0f};
  static constexpr float kDenominator[] = {10395.0f, 4725.0f, 210.0f, 1.0f};
};

template <>
struct TanhConstants<double> {
  static constexpr double kNumerator[] = {218243025.0, 16081065.0, 289575.0, 1430.0, 1.0};
  static constexpr double kDenominator[] = {654729075.0, 310134825.0, 18918900.0, 315315.0, 1485.0, 1.0};
};

template <class D, typename T, size_t kCount, class V = hn::Vec<D>>
HWY_INLINE V Polynomial(D d, V x, const T (&coefficients)[kCount]) {
  V sum = hn::Set(d, coefficients[kCount - 1]);
  for (size_t i = kCount - 1; i-- > 0;) sum = hn::MulAdd(sum, x, hn::Set(d, coefficients[i]));
  return sum;
}

// A clipped score and the clip's derivative.
template <class V>
struct ClippedScore {
  // c * tanh(x / c), at most 1.5 ulp off (2 without fused multiply-add) wherever x / c is a normal number.
  V value;
  V slope;  // 4 e / (1 + e)^2 with e = exp(-2 |x / c|): 1 - tanh(x / c)^2 without its cancellation.
};

// The clip phi(x) = c tanh(x / c) for finite c > 0. x = +-inf gives +-c and slope 0, NaN gives NaN. Two divisions, and
// one exponential unless all lanes are nearer to 0 than c, as most scores are: the same bits without it. The value is
// formed as what is missing to |x| where |x| < c, else to c: an error of a few ulp of what is missing is a small one of
// the value.
template <class D, class V = hn::Vec<D>>
HWY_INLINE ClippedScore<V> ClipByTanh(D d, V x, V clip) {
  using T = hn::TFromD<D>;
  using C = ExpConstants<T>;
  const hn::RebindToSigned<D> di;
  const V one = hn::Set(d, T{1});
  const V size = hn::Abs(x);
  const V t = hn::Div(size, clip);
  const V y = hn::Mul(t, t);
  const auto near = hn::Lt(t, one);
  V numerator = hn::Mul(y, Polynomial(d, y, TanhConstants<T>::kNumerator));
  V denominator = Polynomial(d, y, TanhConstants<T>::kDenominator);
  if (HWY_LIKELY(hn::AllTrue(d, near))) {
    const V missing = hn::Div(numerator, denominator);
    const V tanh = hn::NegMulAdd(t, missing, t);
    return {hn::CopySign(hn::NegMulAdd(size, missing, size), x), hn::NegMulAdd(tanh, tanh, one)};
  }
  const V argument = hn::Mul(t, hn::Set(d, T{-2}));
  const auto vanishes = hn::Lt(argument, hn::Set(d, C::kLowest));
  const auto reduced = ReduceExp(d, hn::IfThenElse(vanishes, hn::Set(d, C::kLowest), argument));
  const V scale = hn::BitCast(d, hn::Add(hn::BitCast(di, one), reduced.exponent));  // 2^n
  const V e = hn::IfThenZeroElse(vanishes, hn::MulAdd(scale, reduced.expm1, scale));
  numerator = hn::IfThenElse(near, numerator, hn::Add(e, e));
  denominator = hn::IfThenElse(near, denominator, hn::Add(one, e));
  const V missing = hn::Div(numerator, denominator);  // 1 - tanh(t) / t, or 1 - tanh(t).
  const V base = hn::IfThenElse(near, size, clip);
  const V magnitude = hn::NegMulAdd(base, missing, base);
  const V tanh = hn::NegMulAdd(t, missing, t);  // Where near.
  const V near_slope = hn::NegMulAdd(tanh, tanh, one);
  const V far_slope = hn::NegMulAdd(missing, missing, hn::Add(missing, missing));
  return {hn::CopySign(magnitude, x), hn::IfThenElse(near, near_slope, far_slope)};
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lossd
HWY_AFTER_NAMESPACE();

#endif  // LOSSD_CORE_ENGINE_VECTOR_MATH_INL_H_
