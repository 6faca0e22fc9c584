// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The sweeps of contrast_sweeps.h for one instruction set. Included by contrast_sweeps.cc alone, once for each.

#if defined(LOSSD_CORE_ENGINE_CONTRAST_SWEEPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LOSSD_CORE_ENGINE_CONTRAST_SWEEPS_INL_H_
#undef LOSSD_CORE_ENGINE_CONTRAST_SWEEPS_INL_H_
#else
#define LOSSD_CORE_ENGINE_CONTRAST_SWEEPS_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "core/engine/contrast_sweeps.h"
#include "core/engine/vector_math-inl.h"
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace lossd {
namespace HWY_NAMESPACE {
namespace {

// A stretch of columns of one row.
struct Columns {
  int64_t first;
  int64_t last;  // One behind.
};

// The three stretches of row r: negatives, positives, negatives. Some may be empty.
struct RowParts {
  Columns before;
  Columns own;
  Columns after;
};

inline RowParts PartsOf(const SweepTile& tile, int64_t r) {
  const int64_t own = tile.own_first + r * tile.own_width;
  const int64_t first = std::clamp(own, int64_t{0}, tile.columns);
  const int64_t last = std::clamp(own + tile.own_width, int64_t{0}, tile.columns);
  return {{0, first}, {first, last}, {last, tile.columns}};
}

// Calls `body(i, mask)` for the vectors of a stretch; `mask` is all true but for the last one.
template <class D, class Body>
HWY_INLINE void ForVectors(D d, Columns columns, const Body& body) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = columns.first;
  const auto all = hn::FirstN(d, hn::Lanes(d));
  for (; i + lanes <= columns.last; i += lanes) body(i, all);
  if (i < columns.last) body(i, hn::FirstN(d, static_cast<size_t>(columns.last - i)));
}

template <class D, class V = hn::Vec<D>>
double SumLanes(D d, V sums) {
  return static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sums)));
}

// phi(x) and phi'(x) for finite and for infinite c.
template <bool kFinite, class D, class V = hn::Vec<D>>
HWY_INLINE ClippedScore<V> Clip(D d, V x, V clip, V inverse_clip) {
  if constexpr (kFinite) return ClipByTanh(d, x, clip, inverse_clip);
  return {x, hn::Set(d, hn::TFromD<D>{1})};
}

// log(1 + exp(z)).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Softplus(D d, V z) {
  const V positive_part = hn::IfThenZeroElse(hn::Lt(z, hn::Zero(d)), z);
  return hn::Add(positive_part, hn::Log1p(d, HWY_NAMESPACE::Exp(d, hn::Neg(hn::Abs(z)))));
}

template <typename T>
void MaxRows(const SweepTile& tile, const T* scores, T* maxima) {
  const hn::ScalableTag<T> d;
  const auto lowest = hn::Set(d, -std::numeric_limits<T>::infinity());
  for (int64_t r = 0; r < tile.rows; ++r) {
    const T* x = scores + r * tile.stride;
    auto maximum = lowest;
    const auto take = [&](int64_t i, auto mask)
                          HWY_ATTR { maximum = hn::Max(maximum, hn::IfThenElse(mask, hn::LoadU(d, x + i), lowest)); };
    const RowParts parts = PartsOf(tile, r);
    ForVectors(d, parts.before, take);
    ForVectors(d, parts.after, take);
    maxima[r] = hn::GetLane(hn::MaxOfLanes(d, maximum));
  }
}

template <bool kFinite, bool kSlopes, typename T>
void SumRows(const SweepTile& tile, const T* scores, T clip, const T* references, T* slopes, double* exp_sums,
             double* square_sums) {
  const hn::ScalableTag<T> d;
  const auto clips = hn::Set(d, clip);
  const auto inverse_clips = hn::Set(d, T{1} / clip);
  for (int64_t r = 0; r < tile.rows; ++r) {
    const T* x = scores + r * tile.stride;
    const auto reference = hn::Set(d, references == nullptr ? T{0} : references[r]);
    auto exp_sum = hn::Zero(d);
    auto square_sum = hn::Zero(d);
    const auto negatives = [&](int64_t i, auto mask) HWY_ATTR {
      const auto score = hn::IfThenElseZero(mask, hn::LoadU(d, x + i));
      const auto clipped = Clip<kFinite>(d, score, clips, inverse_clips);
      const auto e = hn::IfThenElseZero(mask, HWY_NAMESPACE::Exp(d, hn::Sub(clipped.value, reference)));
      exp_sum = hn::Add(exp_sum, e);
      square_sum = hn::MulAdd(score, score, square_sum);
      if constexpr (kSlopes) hn::BlendedStore(hn::Mul(e, clipped.slope), mask, d, slopes + r * tile.stride + i);
    };
    const RowParts parts = PartsOf(tile, r);
    ForVectors(d, parts.before, negatives);
    ForVectors(d, parts.after, negatives);
    ForVectors(d, parts.own, [&](int64_t i, auto mask) HWY_ATTR {
      const auto score = hn::IfThenElseZero(mask, hn::LoadU(d, x + i));
      square_sum = hn::MulAdd(score, score, square_sum);
    });
    exp_sums[r] = SumLanes(d, exp_sum);
    square_sums[r] = SumLanes(d, square_sum);
  }
}

template <bool kFinite, typename T>
void PositiveRows(const SweepTile& tile, const T* scores, T clip, const T* references, const double* exp_sums,
                  T* slopes, double* loss_sums, double* sigmoid_sums) {
  const hn::ScalableTag<T> d;
  const auto clips = hn::Set(d, clip);
  const auto inverse_clips = hn::Set(d, T{1} / clip);
  for (int64_t r = 0; r < tile.rows; ++r) {
    const T* x = scores + r * tile.stride;
    const auto reference = hn::Set(d, references == nullptr ? T{0} : references[r]);
    const auto total = hn::Set(d, static_cast<T>(exp_sums[r]));
    const auto log_total = hn::Set(d, static_cast<T>(std::log(exp_sums[r])));
    auto loss_sum = hn::Zero(d);
    auto sigmoid_sum = hn::Zero(d);
    ForVectors(d, PartsOf(tile, r).own, [&](int64_t i, auto mask) HWY_ATTR {
      const auto score = hn::IfThenElseZero(mask, hn::LoadU(d, x + i));
      const auto clipped = Clip<kFinite>(d, score, clips, inverse_clips);
      const auto distance = hn::Sub(clipped.value, reference);
      const auto sigmoid = hn::Div(total, hn::Add(total, HWY_NAMESPACE::Exp(d, distance)));
      loss_sum = hn::Add(loss_sum, hn::IfThenElseZero(mask, Softplus(d, hn::Sub(log_total, distance))));
      sigmoid_sum = hn::Add(sigmoid_sum, hn::IfThenElseZero(mask, sigmoid));
      if (slopes != nullptr) {
        hn::BlendedStore(hn::Neg(hn::Mul(sigmoid, clipped.slope)), mask, d, slopes + r * tile.stride + i);
      }
    });
    loss_sums[r] = SumLanes(d, loss_sum);
    sigmoid_sums[r] = SumLanes(d, sigmoid_sum);
  }
}

template <typename T>
void GradientRows(const SweepTile& tile, const T* scores, const SlopeWeights<T>& weights, T* slopes) {
  const hn::ScalableTag<T> d;
  const auto score_weight = hn::Set(d, weights.scores);
  for (int64_t r = 0; r < tile.rows; ++r) {
    const T* x = scores + r * tile.stride;
    T* u = slopes + r * tile.stride;
    const auto scale = [&](Columns columns, T weight) HWY_ATTR {
      const auto slope_weight = hn::Set(d, weight);
      ForVectors(d, columns, [&](int64_t i, auto mask) HWY_ATTR {
        const auto regularizer = hn::Mul(score_weight, hn::LoadU(d, x + i));
        hn::BlendedStore(hn::MulAdd(slope_weight, hn::LoadU(d, u + i), regularizer), mask, d, u + i);
      });
    };
    const RowParts parts = PartsOf(tile, r);
    scale(parts.before, weights.negatives[r]);
    scale(parts.own, weights.positives);
    scale(parts.after, weights.negatives[r]);
  }
}

template <typename T>
void SumSweep(const SweepTile& tile, const T* scores, T clip, const T* references, T* slopes, double* exp_sums,
              double* square_sums) {
  const auto rows = std::isinf(clip) ? (slopes == nullptr ? SumRows<false, false, T> : SumRows<false, true, T>)
                                     : (slopes == nullptr ? SumRows<true, false, T> : SumRows<true, true, T>);
  rows(tile, scores, clip, references, slopes, exp_sums, square_sums);
}

template <typename T>
void PositiveSweep(const SweepTile& tile, const T* scores, T clip, const T* references, const double* exp_sums,
                   T* slopes, double* loss_sums, double* sigmoid_sums) {
  const auto rows = std::isinf(clip) ? PositiveRows<false, T> : PositiveRows<true, T>;
  rows(tile, scores, clip, references, exp_sums, slopes, loss_sums, sigmoid_sums);
}

void MaxFloat(const SweepTile& tile, const float* scores, float* maxima) { MaxRows(tile, scores, maxima); }
void MaxDouble(const SweepTile& tile, const double* scores, double* maxima) { MaxRows(tile, scores, maxima); }
void SumFloat(const SweepTile& tile, const float* scores, float clip, const float* references, float* slopes,
              double* exp_sums, double* square_sums) {
  SumSweep(tile, scores, clip, references, slopes, exp_sums, square_sums);
}
void SumDouble(const SweepTile& tile, const double* scores, double clip, const double* references, double* slopes,
               double* exp_sums, double* square_sums) {
  SumSweep(tile, scores, clip, references, slopes, exp_sums, square_sums);
}
void PositivesFloat(const SweepTile& tile, const float* scores, float clip, const float* references,
                    const double* exp_sums, float* slopes, double* loss_sums, double* sigmoid_sums) {
  PositiveSweep(tile, scores, clip, references, exp_sums, slopes, loss_sums, sigmoid_sums);
}
void PositivesDouble(const SweepTile& tile, const double* scores, double clip, const double* references,
                     const double* exp_sums, double* slopes, double* loss_sums, double* sigmoid_sums) {
  PositiveSweep(tile, scores, clip, references, exp_sums, slopes, loss_sums, sigmoid_sums);
}
void GradientFloat(const SweepTile& tile, const float* scores, const SlopeWeights<float>& weights, float* slopes) {
  GradientRows(tile, scores, weights, slopes);
}
void GradientDouble(const SweepTile& tile, const double* scores, const SlopeWeights<double>& weights, double* slopes) {
  GradientRows(tile, scores, weights, slopes);
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lossd
HWY_AFTER_NAMESPACE();

#endif  // LOSSD_CORE_ENGINE_CONTRAST_SWEEPS_INL_H_
