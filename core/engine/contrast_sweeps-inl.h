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
#include <type_traits>

#include "absl/base/attributes.h"
#include "core/engine/contrast_clip-inl.h"
#include "core/engine/contrast_sweeps.h"
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace lossd {
namespace HWY_NAMESPACE {
namespace {

// The columns of a row that are its own image's; negatives lie on both sides. May be empty.
struct OwnColumns {
  int64_t first;
  int64_t last;  // One behind.
};

inline OwnColumns OwnOf(const SweepTile& tile, int64_t r) {
  const int64_t own = tile.own_first + r * tile.own_width;
  return {std::clamp(own, int64_t{0}, tile.columns), std::clamp(own + tile.own_width, int64_t{0}, tile.columns)};
}

template <class D, class V = hn::Vec<D>>
double SumLanes(D d, V sums) {
  return static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sums)));
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
  for (int64_t r = 0; r < tile.rows; ++r) {
    const T* x = scores + r * tile.stride;
    auto vector_maximum = hn::Set(d, -std::numeric_limits<T>::infinity());
    T maximum = -std::numeric_limits<T>::infinity();
    const auto take = [&](int64_t first, int64_t last) HWY_ATTR {
      const auto lanes = static_cast<int64_t>(hn::Lanes(d));
      for (; first + lanes <= last; first += lanes) vector_maximum = hn::Max(vector_maximum, hn::LoadU(d, x + first));
      for (; first < last; ++first) maximum = std::max(maximum, x[first]);
    };
    const OwnColumns own = OwnOf(tile, r);
    take(0, own.first);
    take(own.last, tile.columns);
    maxima[r] = std::max(maximum, hn::GetLane(hn::MaxOfLanes(d, vector_maximum)));
  }
}

template <class Clip, typename T>
void SumRows(const SweepTile& tile, const T* scores, const ScoreClip<T>& how, double* exp_sums, double* square_sums) {
  const hn::ScalableTag<T> d;
  Clip clip(how.clip);
  for (int64_t r = 0; r < tile.rows; ++r) {
    const T* x = scores + r * tile.stride;
    clip.SetReference(how.references == nullptr ? T{0} : how.references[r]);
    auto exp_sum = hn::Zero(d);
    auto square_sum = hn::Zero(d);
    const auto positives = [&](auto group, int64_t i) HWY_ATTR ABSL_ATTRIBUTE_ALWAYS_INLINE {
      typename decltype(group)::V vectors[decltype(group)::kCount];
      group.Load(x + i, vectors);
      for (const auto& vector : vectors) square_sum = hn::MulAdd(vector, vector, square_sum);
    };
    const auto negatives = [&](auto group, int64_t i) HWY_ATTR ABSL_ATTRIBUTE_ALWAYS_INLINE {
      typename decltype(group)::V vectors[decltype(group)::kCount];
      group.Load(x + i, vectors);
      for (const auto& vector : vectors) square_sum = hn::MulAdd(vector, vector, square_sum);
      group.AddTo(exp_sum, clip.Apply(vectors).exponential);
    };
    const OwnColumns own = OwnOf(tile, r);
    ForGroups<T>(0, own.first, negatives);
    ForGroups<T>(own.first, own.last, positives);
    ForGroups<T>(own.last, tile.columns, negatives);
    exp_sums[r] = SumLanes(d, exp_sum);
    square_sums[r] = SumLanes(d, square_sum);
  }
}

template <class Clip, typename T>
void PositiveRows(const SweepTile& tile, const T* scores, const ScoreClip<T>& how, const double* exp_sums,
                  double* loss_sums, double* sigmoid_sums) {
  const hn::ScalableTag<T> d;
  Clip clip(how.clip);
  for (int64_t r = 0; r < tile.rows; ++r) {
    const T* x = scores + r * tile.stride;
    clip.SetReference(how.references == nullptr ? T{0} : how.references[r]);
    const auto total = hn::Set(d, static_cast<T>(exp_sums[r]));
    const auto log_total = hn::Set(d, static_cast<T>(std::log(exp_sums[r])));
    auto loss_sum = hn::Zero(d);
    auto sigmoid_sum = hn::Zero(d);
    const OwnColumns own = OwnOf(tile, r);
    ForGroups<T>(own.first, own.last, [&](auto group, int64_t i) HWY_ATTR ABSL_ATTRIBUTE_ALWAYS_INLINE {
      typename decltype(group)::V vectors[decltype(group)::kCount];
      group.Load(x + i, vectors);
      const auto clipped = clip.Apply(vectors);
      for (int k = 0; k < group.kCount; ++k) vectors[k] = Softplus(d, hn::Sub(log_total, clipped.distance[k]));
      group.AddTo(loss_sum, vectors);
      for (int k = 0; k < group.kCount; ++k) vectors[k] = hn::Div(total, hn::Add(total, clipped.exponential[k]));
      group.AddTo(sigmoid_sum, vectors);
    });
    loss_sums[r] = SumLanes(d, loss_sum);
    sigmoid_sums[r] = SumLanes(d, sigmoid_sum);
  }
}

template <class Clip, typename T>
void GradientRows(const SweepTile& tile, const ScoreClip<T>& how, const GradientWeights<T>& weights, T* scores) {
  const hn::ScalableTag<T> d;
  Clip clip(how.clip);
  const auto score_weight = hn::Set(d, weights.scores);
  const auto positive_weight = hn::Set(d, -weights.positives);
  for (int64_t r = 0; r < tile.rows; ++r) {
    T* x = scores + r * tile.stride;
    clip.SetReference(how.references == nullptr ? T{0} : how.references[r]);
    const auto negative_weight = hn::Set(d, weights.negatives[r]);
    const auto total = hn::Set(d, static_cast<T>(weights.exp_sums[r]));
    const auto negatives = [&](auto group, int64_t i) HWY_ATTR ABSL_ATTRIBUTE_ALWAYS_INLINE {
      typename decltype(group)::V vectors[decltype(group)::kCount];
      group.Load(x + i, vectors);
      const auto clipped = clip.Apply(vectors);
      for (int k = 0; k < group.kCount; ++k) {
        const auto slope = hn::Mul(clipped.exponential[k], clipped.slope[k]);
        vectors[k] = hn::MulAdd(slope, negative_weight, hn::Mul(vectors[k], score_weight));
      }
      group.Store(vectors, x + i);
    };
    const auto positives = [&](auto group, int64_t i) HWY_ATTR ABSL_ATTRIBUTE_ALWAYS_INLINE {
      typename decltype(group)::V vectors[decltype(group)::kCount];
      group.Load(x + i, vectors);
      const auto clipped = clip.Apply(vectors);
      for (int k = 0; k < group.kCount; ++k) {
        const auto sigmoid = hn::Div(total, hn::Add(total, clipped.exponential[k]));
        const auto slope = hn::Mul(sigmoid, clipped.slope[k]);
        vectors[k] = hn::MulAdd(slope, positive_weight, hn::Mul(vectors[k], score_weight));
      }
      group.Store(vectors, x + i);
    };
    const OwnColumns own = OwnOf(tile, r);
    ForGroups<T>(0, own.first, negatives);
    ForGroups<T>(own.first, own.last, positives);
    ForGroups<T>(own.last, tile.columns, negatives);
  }
}

// Calls `body.operator()<Clip>()` with the way from scores to exponentials that suits.
template <typename T, class Body>
void WithClip(const ScoreClip<T>& how, const Body& body) {
  if constexpr (std::is_same_v<T, float>) {
    if (how.references == nullptr) return body.template operator()<BareClip>();
  }
  std::isinf(how.clip) ? body.template operator()<AnyClip<T, false>>() : body.template operator()<AnyClip<T, true>>();
}

template <typename T>
void SumSweep(const SweepTile& tile, const T* scores, const ScoreClip<T>& how, double* exp_sums, double* square_sums) {
  WithClip(how, [&]<class Clip>() { SumRows<Clip>(tile, scores, how, exp_sums, square_sums); });
}

template <typename T>
void PositiveSweep(const SweepTile& tile, const T* scores, const ScoreClip<T>& how, const double* exp_sums,
                   double* loss_sums, double* sigmoid_sums) {
  WithClip(how, [&]<class Clip>() { PositiveRows<Clip>(tile, scores, how, exp_sums, loss_sums, sigmoid_sums); });
}

template <typename T>
void GradientSweep(const SweepTile& tile, const ScoreClip<T>& how, const GradientWeights<T>& weights, T* scores) {
  WithClip(how, [&]<class Clip>() { GradientRows<Clip>(tile, how, weights, scores); });
}

void MaxFloat(const SweepTile& tile, const float* scores, float* maxima) { MaxRows(tile, scores, maxima); }
void MaxDouble(const SweepTile& tile, const double* scores, double* maxima) { MaxRows(tile, scores, maxima); }
void SumFloat(const SweepTile& tile, const float* scores, const ScoreClip<float>& how, double* exp_sums,
              double* square_sums) {
  SumSweep(tile, scores, how, exp_sums, square_sums);
}
void SumDouble(const SweepTile& tile, const double* scores, const ScoreClip<double>& how, double* exp_sums,
               double* square_sums) {
  SumSweep(tile, scores, how, exp_sums, square_sums);
}
void PositivesFloat(const SweepTile& tile, const float* scores, const ScoreClip<float>& how, const double* exp_sums,
                    double* loss_sums, double* sigmoid_sums) {
  PositiveSweep(tile, scores, how, exp_sums, loss_sums, sigmoid_sums);
}
void PositivesDouble(const SweepTile& tile, const double* scores, const ScoreClip<double>& how, const double* exp_sums,
                     double* loss_sums, double* sigmoid_sums) {
  PositiveSweep(tile, scores, how, exp_sums, loss_sums, sigmoid_sums);
}
void GradientFloat(const SweepTile& tile, const ScoreClip<float>& how, const GradientWeights<float>& weights,
                   float* scores) {
  GradientSweep(tile, how, weights, scores);
}
void GradientDouble(const SweepTile& tile, const ScoreClip<double>& how, const GradientWeights<double>& weights,
                    double* scores) {
  GradientSweep(tile, how, weights, scores);
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lossd
HWY_AFTER_NAMESPACE();

#endif  // LOSSD_CORE_ENGINE_CONTRAST_SWEEPS_INL_H_
