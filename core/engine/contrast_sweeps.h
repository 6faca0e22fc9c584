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

// Up to this c references are not needed: sums of exp(phi(x)) stay in float's range.
inline constexpr double kLargestBareClip = 40;

// How scores become exponentials.
template <typename T>
struct ScoreClip {
  T clip;               // c
  const T* references;  // m of each row. Null: 0; only with c <= kLargestBareClip.
};

// maxima[r] = the largest negative score of row r; -inf if there is none. A NaN may be passed over.
void MaxOfNegatives(const SweepTile& tile, const float* scores, float* maxima);
void MaxOfNegatives(const SweepTile& tile, const double* scores, double* maxima);

// exp_sums[r] = sum of e over the negatives of row r, square_sums[r] = sum of x^2 over all its elements in the tile.
void SumExponentials(const SweepTile& tile, const float* scores, const ScoreClip<float>& clip, double* exp_sums,
                     double* square_sums);
void SumExponentials(const SweepTile& tile, const double* scores, const ScoreClip<double>& clip, double* exp_sums,
                     double* square_sums);

// For the positives of row r in the tile, with N = exp_sums[r] over all its negatives: loss_sums[r] = sum of
// softplus(m + log N - phi(x)), sigmoid_sums[r] = sum of N / (N + e).
void ScorePositives(const SweepTile& tile, const float* scores, const ScoreClip<float>& clip, const double* exp_sums,
                    double* loss_sums, double* sigmoid_sums);
void ScorePositives(const SweepTile& tile, const double* scores, const ScoreClip<double>& clip, const double* exp_sums,
                    double* loss_sums, double* sigmoid_sums);

// What the gradient with respect to the scores is made of.
template <typename T>
struct GradientWeights {
  const T* negatives;      // For each row.
  const double* exp_sums;  // N of each row.
  T positives;
  T scores;  // Of the regularizer.
};

// Replaces scores by the gradient with respect to them: scores * x, plus negatives[r] * e phi'(x) for a negative or
// minus positives * N / (N + e) phi'(x) for a positive.
void FormGradient(const SweepTile& tile, const ScoreClip<float>& clip, const GradientWeights<float>& weights,
                  float* scores);
void FormGradient(const SweepTile& tile, const ScoreClip<double>& clip, const GradientWeights<double>& weights,
                  double* scores);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_CONTRAST_SWEEPS_H_
