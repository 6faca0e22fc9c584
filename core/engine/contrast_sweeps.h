// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The elementwise part of the contrast of feature maps (AMDIM's noise contrastive estimation), one vectorised sweep a
// step. With x a score, phi(x) = c tanh(x / c) its clip (c = inf: phi(x) = x), and for each row a reference m that
// keeps exponentials in range: e = exp(phi(x) - m). Formulas: the closed form of the gradient with the picked entries
// formed without cancellation. All functions are thread-safe and run on the calling thread.

#ifndef LOSSD_CORE_ENGINE_CONTRAST_SWEEPS_H_
#define LOSSD_CORE_ENGINE_CONTRAST_SWEEPS_H_

#include <cstdint>

namespace lossd {

// Elements that sweeps may read, but do not use, behind the last one of a tile.
inline constexpr int64_t kSweepPadding = 64;

// Where a tile lies in memory: element (r, i) at base + r * stride + i. Columns [own_first + r * own_width, ... +
// own_width) of row r, as far as they lie in the tile, belong to the row's own image: they are its positives; all
// others are its negatives.
struct SweepTile {
  int64_t rows;
  int64_t columns;
  int64_t stride;
  int64_t own_first;
  int64_t own_width;
};

// maxima[r] = the largest negative score of row r; -inf if there is none. A NaN may be passed over.
void MaxOfNegatives(const SweepTile& tile, const float* scores, float* maxima);
void MaxOfNegatives(const SweepTile& tile, const double* scores, double* maxima);

// Sums over the negatives of row r: exp_sums[r] = sum of e; and over all elements square_sums[r] = sum of x^2. Writes
// e phi'(x) of the negatives to `slopes`, laid out as the scores, unless null. `references` holds m of each row; null:
// 0.
void SumExponentials(const SweepTile& tile, const float* scores, float clip, const float* references, float* slopes,
                     double* exp_sums, double* square_sums);
void SumExponentials(const SweepTile& tile, const double* scores, double clip, const double* references, double* slopes,
                     double* exp_sums, double* square_sums);

// For the positives of row r, with N = exp_sums[r] over its negatives: loss_sums[r] = sum of softplus(m + log N - s),
// sigmoid_sums[r] = sum of sig = N / (N + e). Writes -sig phi'(x) to their places in `slopes` unless null.
void ScorePositives(const SweepTile& tile, const float* scores, float clip, const float* references,
                    const double* exp_sums, float* slopes, double* loss_sums, double* sigmoid_sums);
void ScorePositives(const SweepTile& tile, const double* scores, double clip, const double* references,
                    const double* exp_sums, double* slopes, double* loss_sums, double* sigmoid_sums);

// What turns slopes and scores into the gradient with respect to the scores.
template <typename T>
struct SlopeWeights {
  const T* negatives;  // For each row.
  T positives;
  T scores;  // Of the regularizer.
};

// Replaces slopes u by negatives[r] * u or, for positives, positives * u; plus scores * x.
void FormGradient(const SweepTile& tile, const float* scores, const SlopeWeights<float>& weights, float* slopes);
void FormGradient(const SweepTile& tile, const double* scores, const SlopeWeights<double>& weights, double* slopes);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_CONTRAST_SWEEPS_H_
