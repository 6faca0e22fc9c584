// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The sweeps of contrast_row_sweeps.h for one instruction set. Included by contrast_row_sweeps.cc alone, once for each.

#if defined(LOSSD_CORE_ENGINE_CONTRAST_ROW_SWEEPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LOSSD_CORE_ENGINE_CONTRAST_ROW_SWEEPS_INL_H_
#undef LOSSD_CORE_ENGINE_CONTRAST_ROW_SWEEPS_INL_H_
#else
#define LOSSD_CORE_ENGINE_CONTRAST_ROW_SWEEPS_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "core/engine/add_lanes-inl.h"
#include "core/engine/contrast_row_sweeps.h"
#include "core/engine/vector_math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace lossd {
namespace HWY_NAMESPACE {
namespace {

// Rows whose terms are added in T before their sum is added up in double.
constexpr int64_t kRowsASum = 32;

// Enters the sum of exp(score - maximum) over a stretch, with a maximum at least as large as the running one.
template <typename T>
void EnterSum(T maximum, double sum, T& running_maximum, double& running_sum) {
  const double rescale = std::exp(static_cast<double>(running_maximum) - static_cast<double>(maximum));
  running_sum = running_sum * rescale + sum;
  running_maximum = maximum;
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V LowestOf(D d) {
  return hn::Set(d, -std::numeric_limits<hn::TFromD<D>>::infinity());
}

// Loads columns from c on, -inf behind the last one.
template <class D, typename T>
HWY_INLINE hn::Vec<D> LoadScores(D d, const T* row, int64_t c, int64_t columns) {
  if (c + static_cast<int64_t>(hn::Lanes(d)) <= columns) return hn::LoadU(d, row + c);
  return hn::IfThenElse(hn::FirstN(d, static_cast<size_t>(columns - c)), hn::LoadU(d, row + c), LowestOf(d));
}

template <typename T>
void RowsInto(const ScoreTile& tile, const T* scores, const RunningSums<T>& sums) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t r = 0; r < tile.rows; ++r) {
    const T* row = scores + r * tile.columns;
    auto maxima = LowestOf(d);
    for (int64_t c = 0; c < tile.columns; c += lanes) maxima = hn::Max(maxima, LoadScores(d, row, c, tile.columns));
    const T maximum = std::max(sums.maxima[r], hn::GetLane(hn::MaxOfLanes(d, maxima)));
    if (maximum == -std::numeric_limits<T>::infinity()) continue;
    const auto reference = hn::Set(d, maximum);
    auto sum = hn::Zero(d);
    for (int64_t c = 0; c < tile.columns; c += lanes) {
      sum = hn::Add(sum, HWY_NAMESPACE::Exp(d, hn::Sub(LoadScores(d, row, c, tile.columns), reference)));
    }
    EnterSum(maximum, static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum))), sums.maxima[r], sums.sums[r]);
  }
}

// Columns [c, c + lanes), of which `count` exist.
template <class D, typename T>
void ColumnVectorInto(D d, const ScoreTile& tile, const T* scores, int64_t count, T* maxima, double* sums) {
  HWY_ALIGN T largest[HWY_MAX_BYTES / sizeof(T)];
  HWY_ALIGN double totals[HWY_MAX_BYTES / sizeof(T)];
  auto maximum = LowestOf(d);
  for (int64_t r = 0; r < tile.rows; ++r) maximum = hn::Max(maximum, hn::LoadU(d, scores + r * tile.columns));
  hn::Store(maximum, d, largest);
  for (int64_t i = 0; i < count; ++i) largest[i] = std::max(largest[i], maxima[i]);
  maximum = hn::Load(d, largest);
  std::fill_n(totals, hn::Lanes(d), 0.0);
  for (int64_t first = 0; first < tile.rows; first += kRowsASum) {
    auto even = hn::Zero(d);
    auto odd = hn::Zero(d);
    for (int64_t r = first; r < std::min(first + kRowsASum, tile.rows); ++r) {
      even = hn::Add(even, HWY_NAMESPACE::Exp(d, hn::Sub(hn::LoadU(d, scores + r * tile.columns), maximum)));
      std::swap(even, odd);
    }
    AddLanes(d, hn::Add(even, odd), totals);
  }
  for (int64_t i = 0; i < count; ++i) {
    if (largest[i] == -std::numeric_limits<T>::infinity()) continue;
    EnterSum(largest[i], totals[i], maxima[i], sums[i]);
  }
}

template <typename T>
void ColumnsInto(const ScoreTile& tile, const T* scores, const RunningSums<T>& sums) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t c = 0; c < tile.columns; c += lanes) {
    ColumnVectorInto(d, tile, scores + c, std::min(lanes, tile.columns - c), sums.maxima + c, sums.sums + c);
  }
}

template <typename T>
void RowGradientInto(const ScoreTile& tile, const ExpWeights<T>& rows, T* scores) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t r = 0; r < tile.rows; ++r) {
    T* row = scores + r * tile.columns;
    const auto maximum = hn::Set(d, rows.maxima[r]);
    const auto weight = hn::Set(d, rows.weights[r]);
    for (int64_t c = 0; c < tile.columns; c += lanes) {
      const auto mask = hn::FirstN(d, static_cast<size_t>(std::min(lanes, tile.columns - c)));
      const auto of_row = HWY_NAMESPACE::Exp(d, hn::Sub(hn::LoadU(d, row + c), maximum));
      hn::BlendedStore(hn::Mul(weight, of_row), mask, d, row + c);
    }
  }
}

template <typename T>
void GradientInto(const ScoreTile& tile, const ExpWeights<T>& rows, const ExpWeights<T>& columns,
                  const T* column_scores, T* row_scores) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t r = 0; r < tile.rows; ++r) {
    T* row = row_scores + r * tile.columns;
    const T* column_row = column_scores + r * tile.columns;
    const auto row_maximum = hn::Set(d, rows.maxima[r]);
    const auto row_weight = hn::Set(d, rows.weights[r]);
    for (int64_t c = 0; c < tile.columns; c += lanes) {
      const auto mask = hn::FirstN(d, static_cast<size_t>(std::min(lanes, tile.columns - c)));
      const auto of_row = HWY_NAMESPACE::Exp(d, hn::Sub(hn::LoadU(d, row + c), row_maximum));
      const auto column_maxima = hn::LoadU(d, columns.maxima + c);
      const auto of_column = HWY_NAMESPACE::Exp(d, hn::Sub(hn::LoadU(d, column_row + c), column_maxima));
      const auto gradient = hn::MulAdd(row_weight, of_row, hn::Mul(hn::LoadU(d, columns.weights + c), of_column));
      hn::BlendedStore(gradient, mask, d, row + c);
    }
  }
}

template <typename T>
void PositiveInto(const ScoreTile& tile, const PositiveExpWeights<T>& rows, const PositiveExpWeights<T>& columns,
                  const T* scores, T* gradient) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t r = 0; r < tile.rows; ++r) {
    const auto row_maximum = hn::Set(d, rows.maxima[r]);
    const auto row_weight = hn::Set(d, rows.weights[r]);
    const auto row_offset = hn::Set(d, rows.offsets[r]);
    for (int64_t c = 0; c < tile.columns; c += lanes) {
      const auto score = hn::LoadU(d, scores + r * tile.columns + c);
      const auto there = hn::FirstN(d, static_cast<size_t>(std::min(lanes, tile.columns - c)));
      const auto positive = hn::And(there, hn::Ne(score, LowestOf(d)));
      if (hn::AllFalse(d, positive)) continue;
      const auto of_row = HWY_NAMESPACE::Exp(d, hn::Sub(score, row_maximum));
      const auto of_column = HWY_NAMESPACE::Exp(d, hn::Sub(score, hn::LoadU(d, columns.maxima + c)));
      const auto row_side = hn::Sub(hn::Mul(row_weight, of_row), row_offset);
      const auto column_side =
          hn::Sub(hn::Mul(hn::LoadU(d, columns.weights + c), of_column), hn::LoadU(d, columns.offsets + c));
      hn::BlendedStore(hn::Add(row_side, column_side), positive, d, gradient + r * tile.columns + c);
    }
  }
}

// log(1 + y) for 0 <= y <= 1, within a few ulp also where y is tiny: 2 artanh(y / (2 + y)) by its series.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Log1p(D d, V y) {
  using T = hn::TFromD<D>;
  constexpr int kTerms = sizeof(T) == sizeof(float) ? 9 : 18;
  const V t = hn::Div(y, hn::Add(y, hn::Set(d, T{2})));
  const V square = hn::Mul(t, t);
  V series = hn::Set(d, T{1} / (2 * kTerms - 1));
  for (int k = kTerms - 2; k >= 0; --k)
    series = hn::MulAdd(series, square, hn::Set(d, T{1} / static_cast<T>(2 * k + 1)));
  return hn::Mul(hn::Add(t, t), series);
}

template <typename T>
void SigmoidInto(const ScoreTile& tile, T bias, T share, T* scores, const SigmoidRowSums& sums) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto one = hn::Set(d, T{1});
  const auto shares = hn::Set(d, share);
  for (int64_t r = 0; r < tile.rows; ++r) {
    T* row = scores + r * tile.columns;
    auto losses = hn::Zero(d);
    auto gradients = hn::Zero(d);
    for (int64_t c = 0; c < tile.columns; c += lanes) {
      const auto mask = hn::FirstN(d, static_cast<size_t>(std::min(lanes, tile.columns - c)));
      const auto product = LoadScores(d, row, c, tile.columns);
      // What does not count stays -inf, whatever the bias.
      const auto score = hn::IfThenElse(hn::Eq(product, LowestOf(d)), product, hn::Add(product, hn::Set(d, bias)));
      const auto e = HWY_NAMESPACE::Exp(d, hn::Neg(hn::Abs(score)));
      losses = hn::Add(losses, hn::Add(hn::Max(score, hn::Zero(d)), Log1p(d, e)));
      const auto inverse = hn::Div(shares, hn::Add(one, e));
      // NaN compares false and shows in e.
      const auto gradient = hn::IfThenElse(hn::Ge(score, hn::Zero(d)), inverse, hn::Mul(e, inverse));
      gradients = hn::Add(gradients, gradient);
      hn::BlendedStore(gradient, mask, d, row + c);
    }
    sums.losses[r] += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, losses)));
    sums.gradients[r] += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, gradients)));
  }
}

void RowsFloat(const ScoreTile& tile, const float* scores, const RunningSums<float>& sums) {
  RowsInto(tile, scores, sums);
}
void ColumnsFloat(const ScoreTile& tile, const float* scores, const RunningSums<float>& sums) {
  ColumnsInto(tile, scores, sums);
}
void RowGradientFloat(const ScoreTile& tile, const ExpWeights<float>& rows, float* scores) {
  RowGradientInto(tile, rows, scores);
}
void GradientFloat(const ScoreTile& tile, const ExpWeights<float>& rows, const ExpWeights<float>& columns,
                   const float* column_scores, float* row_scores) {
  GradientInto(tile, rows, columns, column_scores, row_scores);
}
void PositiveFloat(const ScoreTile& tile, const PositiveExpWeights<float>& rows,
                   const PositiveExpWeights<float>& columns, const float* scores, float* gradient) {
  PositiveInto(tile, rows, columns, scores, gradient);
}
void SigmoidFloat(const ScoreTile& tile, float bias, float share, float* scores, const SigmoidRowSums& sums) {
  SigmoidInto(tile, bias, share, scores, sums);
}
void RowsDouble(const ScoreTile& tile, const double* scores, const RunningSums<double>& sums) {
  RowsInto(tile, scores, sums);
}
void ColumnsDouble(const ScoreTile& tile, const double* scores, const RunningSums<double>& sums) {
  ColumnsInto(tile, scores, sums);
}
void RowGradientDouble(const ScoreTile& tile, const ExpWeights<double>& rows, double* scores) {
  RowGradientInto(tile, rows, scores);
}
void GradientDouble(const ScoreTile& tile, const ExpWeights<double>& rows, const ExpWeights<double>& columns,
                    const double* column_scores, double* row_scores) {
  GradientInto(tile, rows, columns, column_scores, row_scores);
}
void PositiveDouble(const ScoreTile& tile, const PositiveExpWeights<double>& rows,
                    const PositiveExpWeights<double>& columns, const double* scores, double* gradient) {
  PositiveInto(tile, rows, columns, scores, gradient);
}
void SigmoidDouble(const ScoreTile& tile, double bias, double share, double* scores, const SigmoidRowSums& sums) {
  SigmoidInto(tile, bias, share, scores, sums);
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lossd
HWY_AFTER_NAMESPACE();

#endif  // LOSSD_CORE_ENGINE_CONTRAST_ROW_SWEEPS_INL_H_
