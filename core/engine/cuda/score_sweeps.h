// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a card does with a tile of scores, for one thread of a block: bodies of the kernels in score_kernels.cu, and
// plain functions everywhere else, so that tests run them in loops of the host.
//
// Scores x are raw products of rows and columns. A link makes them s = clip tanh(y / clip) with y = scale x + bias. The
// sum over a row's exp(s - maximum) leaves out what the row's rule excludes, and the row's own pairs, whose s are kept:
// the loss of a pair is log(exp(own) + sum over others) - own then, and its gradient never a difference of nearly equal
// numbers.

#ifndef LOSSD_CORE_ENGINE_CUDA_SCORE_SWEEPS_H_
#define LOSSD_CORE_ENGINE_CUDA_SCORE_SWEEPS_H_

#include <cmath>
#include <cstdint>

#ifdef __CUDACC__
#define LOSSD_HOST_DEVICE __host__ __device__
#else
#define LOSSD_HOST_DEVICE
#endif

namespace lossd {

// Which columns are a row's own, and which it leaves out. Rows and columns are counted in the whole problem.
struct ScoreRule {
  // Columns [row * pairs, (row + 1) * pairs) are the row's own; with `views`, column (row + views) % (2 views) is.
  int64_t pairs = 1;
  int64_t views = 0;
  // The column of the row's own number is left out.
  bool excludes_self = false;

  // Index of the column among the row's own; -1 if it is none of them.
  LOSSD_HOST_DEVICE int64_t OwnIndex(int64_t row, int64_t column) const {
    if (views > 0) return column == (row + views) % (2 * views) ? 0 : -1;
    return column / pairs == row ? column % pairs : -1;
  }
  LOSSD_HOST_DEVICE bool Excludes(int64_t row, int64_t column) const { return excludes_self && row == column; }
};

template <typename T>
struct ScoreLink {
  T scale = 1;
  T bias = 0;
  T clip = 0;  // 0: none.

  LOSSD_HOST_DEVICE T Linear(T x) const { return scale * x + bias; }
  LOSSD_HOST_DEVICE T Score(T x) const {
    const T y = Linear(x);
    return clip == 0 ? y : clip * std::tanh(y / clip);
  }
  // ds / dx. 4 e / (1 + e)^2 with e = exp(-2 |y / clip|): exact where tanh saturates.
  LOSSD_HOST_DEVICE T Slope(T x) const {
    if (clip == 0) return scale;
    const T e = std::exp(-2 * std::fabs(Linear(x) / clip));
    return scale * 4 * e / ((1 + e) * (1 + e));
  }
};

// exp(s - maximum) summed over what was added so far. Nothing was: -inf and 0.
template <typename T>
struct RunningSum {
  T maximum = -INFINITY;
  T sum = 0;

  LOSSD_HOST_DEVICE void Add(T s) {
    if (s <= maximum) {
      sum += std::exp(s - maximum);
    } else {
      sum = sum * std::exp(maximum - s) + 1;
      maximum = s;
    }
  }
  LOSSD_HOST_DEVICE void Add(const RunningSum& other) {
    if (other.sum == 0) return;
    if (other.maximum <= maximum) {
      sum += other.sum * std::exp(other.maximum - maximum);
    } else {
      sum = sum * std::exp(maximum - other.maximum) + other.sum;
      maximum = other.maximum;
    }
  }
};

// A tile of raw scores: rows [first_row, ...) against columns [first_column, first_column + columns).
template <typename T>
struct ScoreTile {
  T* scores = nullptr;  // Row-major, `columns` in a row.
  int64_t columns = 0;
  int64_t first_row = 0;
  int64_t first_column = 0;
};

// The part of thread `thread` of `threads` in row `row` of the tile: every threads-th column. Returns its sum, and
// writes the scores of the row's own columns to own[0 .. rule.pairs).
template <typename T>
LOSSD_HOST_DEVICE RunningSum<T> SweepRow(const ScoreTile<T>& tile, int64_t row, const ScoreLink<T>& link,
                                         const ScoreRule& rule, T* own, int thread, int threads) {
  RunningSum<T> sum;
  for (int64_t c = thread; c < tile.columns; c += threads) {
    const int64_t i = tile.first_row + row;
    const int64_t j = tile.first_column + c;
    if (rule.Excludes(i, j)) continue;
    const T s = link.Score(tile.scores[row * tile.columns + c]);
    const int64_t index = rule.OwnIndex(i, j);
    if (index >= 0) {
      own[index] = s;
    } else {
      sum.Add(s);
    }
  }
  return sum;
}

// What the gradient of a row's scores is made of.
template <typename T>
struct RowGradient {
  T maximum = 0;           // As the sweep found it.
  T weight = 0;            // Of exp(s - maximum).
  const T* own = nullptr;  // Of the row's own columns: dL/ds itself.
};

// Column `c` of a row of the tile: dL/dx in the place of x.
template <typename T>
LOSSD_HOST_DEVICE void WriteScoreGradient(const ScoreTile<T>& tile, int64_t row, int64_t c, const ScoreLink<T>& link,
                                          const ScoreRule& rule, const RowGradient<T>& gradient) {
  const int64_t i = tile.first_row + row;
  const int64_t j = tile.first_column + c;
  T& place = tile.scores[row * tile.columns + c];
  const T x = place;
  if (rule.Excludes(i, j)) {
    place = 0;
    return;
  }
  const int64_t index = rule.OwnIndex(i, j);
  const T slope = index >= 0 ? gradient.own[index] : gradient.weight * std::exp(link.Score(x) - gradient.maximum);
  place = slope * link.Slope(x);
}

// The same where every pair counts for itself, as in siglip: adds log(1 + exp(-z s)) to the sum, z = 1 for own columns
// and -1 for others, and leaves weight times its derivative by x in the place of x.
template <typename T>
LOSSD_HOST_DEVICE T SweepSigmoidRow(const ScoreTile<T>& tile, int64_t row, const ScoreLink<T>& link,
                                    const ScoreRule& rule, T weight, int thread, int threads) {
  T sum = 0;
  for (int64_t c = thread; c < tile.columns; c += threads) {
    T& place = tile.scores[row * tile.columns + c];
    const T z = rule.OwnIndex(tile.first_row + row, tile.first_column + c) >= 0 ? 1 : -1;
    const T margin = -z * link.Score(place);
    const T e = std::exp(-std::fabs(margin));
    sum += (margin > 0 ? margin : 0) + std::log1p(e);
    place = -z * weight * (margin > 0 ? 1 : e) / (1 + e) * link.Slope(place);
  }
  return sum;
}

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_CUDA_SCORE_SWEEPS_H_
