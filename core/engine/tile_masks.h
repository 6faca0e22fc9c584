// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Passes over a tile of scores that take entries out, by writing -inf, or add them up: plain loops, which compilers
// vectorise. A contrast without labels, exclusion and smoothing needs none of them.
//
// Matrices named `scores`, `positives`, `similarities` and `gradient` are tiles, [rows, columns] without gaps; arrays
// of rows have tile.rows elements, those of columns tile.columns. T is float or double. Nothing is allocated, nothing
// fails; calls that write the same row's or column's array must follow one another.

#ifndef LOSSD_CORE_ENGINE_TILE_MASKS_H_
#define LOSSD_CORE_ENGINE_TILE_MASKS_H_

#include <cstdint>
#include <limits>

#include "core/engine/contrast_row_sweeps.h"

namespace lossd {

// What stands for an entry that does not count: exp of it is 0.
template <typename T>
inline constexpr T kLeftOut = -std::numeric_limits<T>::infinity();

// Moves the scores of equal labels from `scores` to `positives`, leaving -inf in both where the other has the score.
// Returns whether there are any.
template <typename T, typename Label>
bool SplitByLabel(const ScoreTile& tile, const Label* row_labels, const Label* column_labels, T* scores, T* positives) {
  int64_t found = 0;
  for (int64_t r = 0; r < tile.rows; ++r) {
    T* const row = scores + r * tile.columns;
    T* const positive_row = positives + r * tile.columns;
    const Label label = row_labels[r];
    Label equal = 0;
    for (int64_t c = 0; c < tile.columns; ++c) {
      const bool same = column_labels[c] == label;
      const T score = row[c];
      positive_row[c] = same ? score : kLeftOut<T>;
      row[c] = same ? kLeftOut<T> : score;
      equal += same ? 1 : 0;
    }
    found += equal;
  }
  return found > 0;
}

// Takes out what is more similar than the bound of its row (or of its column), and adds how many to its `removed`. What
// is as similar as the bound stays, and so does a NaN. An entry that had been left out before is counted again.
template <typename T>
void LeaveOutAboveRows(const ScoreTile& tile, const T* similarities, const T* bounds, T* scores, int64_t* removed) {
  for (int64_t r = 0; r < tile.rows; ++r) {
    const T bound = bounds[r];
    int64_t count = 0;
    for (int64_t c = 0; c < tile.columns; ++c) {
      const bool above = similarities[r * tile.columns + c] > bound;
      if (above) scores[r * tile.columns + c] = kLeftOut<T>;
      count += above ? 1 : 0;
    }
    removed[r] += count;
  }
}
template <typename T>
void LeaveOutAboveColumns(const ScoreTile& tile, const T* similarities, const T* bounds, T* scores, int64_t* removed) {
  for (int64_t r = 0; r < tile.rows; ++r) {
    for (int64_t c = 0; c < tile.columns; ++c) {
      const bool above = similarities[r * tile.columns + c] > bounds[c];
      if (above) scores[r * tile.columns + c] = kLeftOut<T>;
      removed[c] += above ? 1 : 0;
    }
  }
}

// Adds the scores that are left to the sum of their row (or of their column), in an order that the tile's shape alone
// decides.
template <typename T>
void AddScoresOfRows(const ScoreTile& tile, const T* scores, double* sums) {
  for (int64_t r = 0; r < tile.rows; ++r) {
    double sums_of_row[4] = {0, 0, 0, 0};
    for (int64_t c = 0; c < tile.columns; ++c) {
      const T score = scores[r * tile.columns + c];
      sums_of_row[c % 4] += score == kLeftOut<T> ? 0 : static_cast<double>(score);
    }
    sums[r] += (sums_of_row[0] + sums_of_row[1]) + (sums_of_row[2] + sums_of_row[3]);
  }
}
template <typename T>
void AddScoresOfColumns(const ScoreTile& tile, const T* scores, double* sums) {
  for (int64_t r = 0; r < tile.rows; ++r) {
    for (int64_t c = 0; c < tile.columns; ++c) {
      const T score = scores[r * tile.columns + c];
      sums[c] += score == kLeftOut<T> ? 0 : static_cast<double>(score);
    }
  }
}

// Takes a row's (or column's) share off the gradient of each of its scores that are left, as `scores` says.
template <typename T>
void TakeOffRows(const ScoreTile& tile, const T* scores, const T* shares, T* gradient) {
  for (int64_t r = 0; r < tile.rows; ++r) {
    const T share = shares[r];
    for (int64_t c = 0; c < tile.columns; ++c) {
      const int64_t i = r * tile.columns + c;
      gradient[i] -= scores[i] == kLeftOut<T> ? T{0} : share;
    }
  }
}
template <typename T>
void TakeOffColumns(const ScoreTile& tile, const T* scores, const T* shares, T* gradient) {
  for (int64_t r = 0; r < tile.rows; ++r) {
    for (int64_t c = 0; c < tile.columns; ++c) {
      const int64_t i = r * tile.columns + c;
      gradient[i] -= scores[i] == kLeftOut<T> ? T{0} : shares[c];
    }
  }
}

// Sets entry (r, r) of each row to `value`. Precondition: as many columns as rows, or more.
template <typename T>
void FillDiagonal(const ScoreTile& tile, T value, T* scores) {
  for (int64_t r = 0; r < tile.rows; ++r) scores[r * tile.columns + r] = value;
}

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_TILE_MASKS_H_
