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
#include "core/engine/add_lanes-inl.h"
#include "core/engine/contrast_clip-inl.h"
#include "core/engine/contrast_sweeps.h"
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace lossd {
namespace HWY_NAMESPACE {
namespace {

// Rows whose sums are kept in T before they are added up in double: few, since equal terms, and roundings with them,
// are what untrained networks send.
constexpr int64_t kRowsASum = 32;

// A vector of a tile's columns: where it lies, and which images are its columns' positives.
template <typename T>
struct ColumnVector {
  using D = hn::ScalableTag<T>;

  ColumnVector(const MapTile& of, int64_t first)
      : tile(of),
        column(first),
        offset(first / of.width * of.panel_size + first % of.width),
        used(std::min(static_cast<int64_t>(hn::Lanes(D())), of.columns - first)),
        first_positive(std::clamp(first - of.positive_column, int64_t{0}, of.images)),
        last_positive(std::clamp(first + used - of.positive_column, first_positive, of.images)) {}

  int64_t LaneOf(int64_t image) const { return tile.positive_column + image - column; }
  auto MaskOf(int64_t image) const { return hn::Eq(hn::Iota(D(), T{0}), hn::Set(D(), static_cast<T>(LaneOf(image)))); }
  int64_t RowOf(int64_t image) const { return offset + image * tile.locations * tile.width; }
  // Of a column's first positive, in panels of `locations` rows.
  int64_t positives() const { return Panels{tile.locations, tile.columns, tile.width}.Offset(0, column); }

  // Calls `others(first, rows)` for rows of negatives only and `positive(image)` for the images that are a column's
  // positives, in their order.
  template <class Others, class Positive>
  HWY_INLINE void Visit(const Others& others, const Positive& positive) const {
    others(RowOf(0), first_positive * tile.locations);
    for (int64_t image = first_positive; image < last_positive; ++image) positive(image);
    others(RowOf(last_positive), (tile.images - last_positive) * tile.locations);
  }

  const MapTile& tile;
  const int64_t column;
  const int64_t offset;  // Of its first row.
  const int64_t used;    // Lanes that are columns.
  const int64_t first_positive;
  const int64_t last_positive;
};

// Adds the squares of `rows` rows of columns in double: they leave the range of T before scores do.
template <typename T>
HWY_NOINLINE void AddWideSquares(const T* x, int64_t rows, int64_t width, int64_t columns, double* sums) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      const auto value = static_cast<double>(x[r * width + c]);
      sums[c] += value * value;
    }
  }
}

// log(1 + exp(z)).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Softplus(D d, V z) {
  const V positive_part = hn::IfThenZeroElse(hn::Lt(z, hn::Zero(d)), z);
  return hn::Add(positive_part, hn::Log1p(d, HWY_NAMESPACE::Exp(d, hn::Neg(hn::Abs(z)))));
}

template <class Clip, typename T>
Clip ClipOf(const ScoreClip<T>& how, int64_t column) {
  Clip clip(how.clip);
  const hn::ScalableTag<T> d;
  clip.SetReference(how.references == nullptr ? hn::Zero(d) : hn::LoadU(d, how.references + column));
  return clip;
}

template <typename T>
int64_t LanesOf() {
  return static_cast<int64_t>(hn::Lanes(hn::ScalableTag<T>()));
}

template <typename T>
void MaxColumns(const MapTile& tile, const T* scores, T* maxima) {
  const hn::ScalableTag<T> d;
  const auto lowest = hn::Set(d, -std::numeric_limits<T>::infinity());
  for (int64_t c = 0; c < tile.columns; c += LanesOf<T>()) {
    const ColumnVector<T> columns(tile, c);
    auto maximum = hn::LoadU(d, maxima + c);
    columns.Visit(
        [&](int64_t first, int64_t rows) HWY_ATTR {
          for (int64_t r = 0; r < rows; ++r) maximum = hn::Max(maximum, hn::LoadU(d, scores + first + r * tile.width));
        },
        [&](int64_t image) HWY_ATTR {
          const auto positive = columns.MaskOf(image);
          const T* x = scores + columns.RowOf(image);
          for (int64_t r = 0; r < tile.locations; ++r) {
            maximum = hn::Max(maximum, hn::IfThenElse(positive, lowest, hn::LoadU(d, x + r * tile.width)));
          }
        });
    hn::StoreU(maximum, d, maxima + c);
  }
}

template <typename T>
void CopyPositives(const ColumnVector<T>& columns, int64_t image, const T* scores, T* positives) {
  const int64_t width = columns.tile.width;
  const T* from = scores + columns.RowOf(image) + columns.LaneOf(image);
  T* to = positives + columns.positives() + columns.LaneOf(image);
  for (int64_t l = 0; l < columns.tile.locations; ++l) to[l * width] = from[l * width];
}

// Sums over `rows` rows of a vector of columns, of which `positive` lanes are positives. Keeps e phi'(x) in `slopes`,
// if that is not null.
template <class Clip, typename T, class Mask>
HWY_INLINE void SumRows(const Clip& clip, const ColumnVector<T>& columns, const T* x, int64_t rows, Mask positive,
                        T* slopes, double* exp_sums, double* square_sums) {
  const hn::ScalableTag<T> d;
  const int64_t width = columns.tile.width;
  for (int64_t r = 0; r < rows; r += kRowsASum) {
    auto exp_sum = hn::Zero(d);
    auto square_sum = hn::Zero(d);
    ForRows<T>(std::min(kRowsASum, rows - r), width, [&](auto group, int64_t i) HWY_ATTR ABSL_ATTRIBUTE_ALWAYS_INLINE {
      typename decltype(group)::V vectors[decltype(group)::kCount];
      group.Load(x + r * width + i, vectors);
      auto clipped = clip.Apply(vectors);
      for (int k = 0; k < group.kCount; ++k) square_sum = hn::MulAdd(vectors[k], vectors[k], square_sum);
      if (slopes != nullptr) {
        for (int k = 0; k < group.kCount; ++k) vectors[k] = hn::Mul(clipped.exponential[k], clipped.slope[k]);
        group.Store(vectors, slopes + r * width + i);
      }
      for (int k = 0; k < group.kCount; ++k) {
        clipped.exponential[k] = hn::IfThenZeroElse(positive, clipped.exponential[k]);
      }
      exp_sum = AddUp(exp_sum, clipped.exponential);
    });
    AddLanes(d, exp_sum, exp_sums);
    // Columns behind the last may hold anything.
    const auto behind = hn::Not(hn::FirstN(d, static_cast<size_t>(columns.used)));
    if (HWY_LIKELY(hn::AllTrue(d, hn::Or(hn::Lt(square_sum, hn::Inf(d)), behind)))) {
      AddLanes(d, square_sum, square_sums);
    } else {
      AddWideSquares(x + r * width, std::min(kRowsASum, rows - r), width, columns.used, square_sums);
    }
  }
}

template <class Clip, typename T>
void SumColumns(const MapTile& tile, const T* scores, const ScoreClip<T>& how, T* slopes, double* exp_sums,
                double* square_sums, T* positives) {
  const auto slopes_at = [&](int64_t row) { return slopes == nullptr ? nullptr : slopes + row; };
  const hn::ScalableTag<T> d;
  for (int64_t c = 0; c < tile.columns; c += LanesOf<T>()) {
    const ColumnVector<T> columns(tile, c);
    const Clip clip = ClipOf<Clip>(how, c);
    columns.Visit(
        [&](int64_t first, int64_t rows) HWY_ATTR {
          SumRows(clip, columns, scores + first, rows, hn::FirstN(d, 0), slopes_at(first), exp_sums + c,
                  square_sums + c);
        },
        [&](int64_t image) HWY_ATTR {
          const int64_t first = columns.RowOf(image);
          SumRows(clip, columns, scores + first, tile.locations, columns.MaskOf(image), slopes_at(first), exp_sums + c,
                  square_sums + c);
          CopyPositives(columns, image, scores, positives);
        });
  }
}

// N of some columns and its logarithm; 1 and 0 where there are no columns.
template <typename T>
struct Totals {
  using D = hn::ScalableTag<T>;

  Totals(const double* exp_sums, int64_t used) {
    for (int64_t i = 0; i < LanesOf<T>(); ++i) {
      total[i] = i < used ? static_cast<T>(exp_sums[i]) : T{1};
      logarithm[i] = i < used ? static_cast<T>(std::log(exp_sums[i])) : T{0};
    }
  }

  HWY_ALIGN T total[hn::MaxLanes(D())];
  HWY_ALIGN T logarithm[hn::MaxLanes(D())];
};

// What the regularizer adds to the gradient. A weight of 0 adds none, however large the score.
template <typename T>
class SquarePart {
 public:
  using V = hn::Vec<hn::ScalableTag<T>>;
  explicit SquarePart(T weight)
      : weight_(hn::Set(d_, weight)), counts_(hn::FirstN(d_, weight == 0 ? 0 : hn::Lanes(d_))) {}
  HWY_INLINE V Of(V score) const { return hn::IfThenElseZero(counts_, hn::Mul(score, weight_)); }

 private:
  const hn::ScalableTag<T> d_;
  const V weight_;
  const hn::Mask<hn::ScalableTag<T>> counts_;
};

template <class Clip, typename T>
void PositiveColumns(const Panels& panels, const ScoreClip<T>& how, const MapPositiveWeights<T>& weights, T* positives,
                     double* loss_sums, double* sigmoid_sums) {
  const hn::ScalableTag<T> d;
  const SquarePart<T> square_part(weights.scores);
  const auto positive_weight = hn::Set(d, -weights.positives);
  for (int64_t c = 0; c < panels.columns; c += LanesOf<T>()) {
    const int64_t used = std::min(LanesOf<T>(), panels.columns - c);
    const Totals<T> totals(weights.exp_sums + c, used);
    const auto total = hn::Load(d, totals.total);
    const auto log_total = hn::Load(d, totals.logarithm);
    const Clip clip = ClipOf<Clip>(how, c);
    std::fill_n(loss_sums + c, LanesOf<T>(), 0.0);
    std::fill_n(sigmoid_sums + c, LanesOf<T>(), 0.0);
    for (int64_t r = 0; r < panels.rows; r += kRowsASum) {
      T* const x = positives + panels.Offset(r, c);
      auto loss_sum = hn::Zero(d);
      auto sigmoid_sum = hn::Zero(d);
      ForRows<T>(std::min(kRowsASum, panels.rows - r), panels.width,
                 [&](auto group, int64_t i) HWY_ATTR ABSL_ATTRIBUTE_ALWAYS_INLINE {
                   typename decltype(group)::V vectors[decltype(group)::kCount];
                   group.Load(x + i, vectors);
                   const auto clipped = clip.Apply(vectors);
                   typename decltype(group)::V losses[decltype(group)::kCount];
                   typename decltype(group)::V sigmoids[decltype(group)::kCount];
                   for (int k = 0; k < group.kCount; ++k) {
                     losses[k] = Softplus(d, hn::Sub(log_total, clipped.distance[k]));
                     sigmoids[k] = clip.ShareOfOthers(total, log_total, clipped.exponential[k], clipped.distance[k]);
                     const auto slope = hn::Mul(sigmoids[k], clipped.slope[k]);
                     vectors[k] = hn::MulAdd(slope, positive_weight, square_part.Of(vectors[k]));
                   }
                   loss_sum = AddUp(loss_sum, losses);
                   sigmoid_sum = AddUp(sigmoid_sum, sigmoids);
                   group.Store(vectors, x + i);
                 });
      AddLanes(d, loss_sum, loss_sums + c);
      AddLanes(d, sigmoid_sum, sigmoid_sums + c);
    }
  }
}

// Replaces the scores of `rows` rows of a vector of columns by their gradient; that of the lanes in `positive`,
// positives, is taken from `positives`.
template <bool kHasOwn, class Clip, typename T, class Mask>
HWY_INLINE void ReplaceRows(const Clip& clip, const GradientWeights<T>& weights, const ColumnVector<T>& columns,
                            int64_t rows, Mask positive, const T* positives, T* x) {
  const hn::ScalableTag<T> d;
  const SquarePart<T> square_part(weights.scores);
  const auto negative_weight = hn::LoadU(d, weights.negatives + columns.column);
  const int64_t width = columns.tile.width;
  ForRows<T>(rows, width, [&](auto group, int64_t i) HWY_ATTR ABSL_ATTRIBUTE_ALWAYS_INLINE {
    typename decltype(group)::V vectors[decltype(group)::kCount];
    group.Load(x + i, vectors);
    const auto clipped = clip.Apply(vectors);
    for (int k = 0; k < group.kCount; ++k) {
      const auto slope = hn::Mul(clipped.exponential[k], clipped.slope[k]);
      vectors[k] = hn::MulAdd(slope, negative_weight, square_part.Of(vectors[k]));
      if constexpr (kHasOwn) {
        vectors[k] = hn::IfThenElse(positive, hn::LoadU(d, positives + i + k * width), vectors[k]);
      }
    }
    group.Store(vectors, x + i);
  });
}

// FormGradient from what the sums have kept.
template <typename T>
void GradientFromSlopes(const MapTile& tile, const GradientWeights<T>& weights, T* scores) {
  const hn::ScalableTag<T> d;
  const SquarePart<T> square_part(weights.scores);
  for (int64_t c = 0; c < tile.columns; c += LanesOf<T>()) {
    const ColumnVector<T> columns(tile, c);
    const auto negative_weight = hn::LoadU(d, weights.negatives + c);
    T* const x = scores + columns.RowOf(0);
    const T* const slopes = weights.slopes + columns.RowOf(0);
    for (int64_t r = 0; r < tile.images * tile.locations * tile.width; r += tile.width) {
      const auto score_part = square_part.Of(hn::LoadU(d, x + r));
      hn::StoreU(hn::MulAdd(hn::LoadU(d, slopes + r), negative_weight, score_part), d, x + r);
    }
    for (int64_t image = columns.first_positive; image < columns.last_positive; ++image) {
      const T* from = weights.positives + columns.positives() + columns.LaneOf(image);
      T* to = scores + columns.RowOf(image) + columns.LaneOf(image);
      for (int64_t l = 0; l < tile.locations; ++l) to[l * tile.width] = from[l * tile.width];
    }
  }
}

template <class Clip, typename T>
void GradientColumns(const MapTile& tile, const ScoreClip<T>& how, const GradientWeights<T>& weights, T* scores) {
  const hn::ScalableTag<T> d;
  for (int64_t c = 0; c < tile.columns; c += LanesOf<T>()) {
    const ColumnVector<T> columns(tile, c);
    const Clip clip = ClipOf<Clip>(how, c);
    columns.Visit(
        [&](int64_t first, int64_t rows) HWY_ATTR {
          ReplaceRows<false, Clip, T>(clip, weights, columns, rows, hn::FirstN(d, 0), nullptr, scores + first);
        },
        [&](int64_t image) HWY_ATTR {
          ReplaceRows<true, Clip, T>(clip, weights, columns, tile.locations, columns.MaskOf(image),
                                     weights.positives + columns.positives(), scores + columns.RowOf(image));
        });
  }
}

// Calls `body.operator()<Clip>()` with the way from scores to exponentials that suits.
template <typename T, class Body>
void WithClip(const ScoreClip<T>& how, const Body& body) {
  if constexpr (std::is_same_v<T, float>) {
    if (how.references == nullptr && !how.careful) return body.template operator()<BareClip>();
  }
  std::isinf(how.clip) ? body.template operator()<AnyClip<T, false>>() : body.template operator()<AnyClip<T, true>>();
}

template <typename T>
void SumSweep(const MapTile& tile, const T* scores, const ScoreClip<T>& how, T* slopes, double* exp_sums,
              double* square_sums, T* positives) {
  WithClip(how, [&]<class Clip>() { SumColumns<Clip>(tile, scores, how, slopes, exp_sums, square_sums, positives); });
}

template <typename T>
void PositiveSweep(const Panels& panels, const ScoreClip<T>& how, const MapPositiveWeights<T>& weights, T* positives,
                   double* loss_sums, double* sigmoid_sums) {
  WithClip(how, [&]<class Clip>() { PositiveColumns<Clip>(panels, how, weights, positives, loss_sums, sigmoid_sums); });
}

template <typename T>
void GradientSweep(const MapTile& tile, const ScoreClip<T>& how, const GradientWeights<T>& weights, T* scores) {
  if (weights.slopes != nullptr) return GradientFromSlopes(tile, weights, scores);
  WithClip(how, [&]<class Clip>() { GradientColumns<Clip>(tile, how, weights, scores); });
}

// The value of AnyClip.
template <typename T>
void ClipSweep(int64_t count, T clip, T* scores) {
  if (std::isinf(clip)) return;
  const hn::ScalableTag<T> d;
  const AnyClip<T, true> any(clip);
  for (int64_t i = 0; i < count; i += LanesOf<T>()) hn::StoreU(any.ValueOf(hn::LoadU(d, scores + i)), d, scores + i);
}

void MaxFloat(const MapTile& tile, const float* scores, float* maxima) { MaxColumns(tile, scores, maxima); }
void MaxDouble(const MapTile& tile, const double* scores, double* maxima) { MaxColumns(tile, scores, maxima); }
void ClipFloat(int64_t count, float clip, float* scores) { ClipSweep(count, clip, scores); }
void ClipDouble(int64_t count, double clip, double* scores) { ClipSweep(count, clip, scores); }
void SumFloat(const MapTile& tile, const float* scores, const ScoreClip<float>& how, float* slopes, double* exp_sums,
              double* square_sums, float* positives) {
  SumSweep(tile, scores, how, slopes, exp_sums, square_sums, positives);
}
void SumDouble(const MapTile& tile, const double* scores, const ScoreClip<double>& how, double* slopes,
               double* exp_sums, double* square_sums, double* positives) {
  SumSweep(tile, scores, how, slopes, exp_sums, square_sums, positives);
}
void PositivesFloat(const Panels& panels, const ScoreClip<float>& how, const MapPositiveWeights<float>& weights,
                    float* positives, double* loss_sums, double* sigmoid_sums) {
  PositiveSweep(panels, how, weights, positives, loss_sums, sigmoid_sums);
}
void PositivesDouble(const Panels& panels, const ScoreClip<double>& how, const MapPositiveWeights<double>& weights,
                     double* positives, double* loss_sums, double* sigmoid_sums) {
  PositiveSweep(panels, how, weights, positives, loss_sums, sigmoid_sums);
}
void GradientFloat(const MapTile& tile, const ScoreClip<float>& how, const GradientWeights<float>& weights,
                   float* scores) {
  GradientSweep(tile, how, weights, scores);
}
void GradientDouble(const MapTile& tile, const ScoreClip<double>& how, const GradientWeights<double>& weights,
                    double* scores) {
  GradientSweep(tile, how, weights, scores);
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lossd
HWY_AFTER_NAMESPACE();

#endif  // LOSSD_CORE_ENGINE_CONTRAST_SWEEPS_INL_H_
