// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The elementwise part of the contrast of feature maps (AMDIM's noise contrastive estimation), one vectorised sweep a
// step. With x a score, phi(x) = c tanh(x / c) its clip (c = inf: phi(x) = x), and for each source image a reference m
// that keeps exponentials in range: e = exp(phi(x) - m). Formulas: the closed form of the gradient with the positives'
// entries formed without cancellation. All functions are thread-safe and run on the calling thread.

#ifndef LOSSD_CORE_ENGINE_CONTRAST_SWEEPS_H_
#define LOSSD_CORE_ENGINE_CONTRAST_SWEEPS_H_

#include <cstdint>

#include "core/engine/panels.h"

namespace lossd {

// Scores of some target images, in panels: a row for each location of each image, a column for each source image. The
// rows of an image are the positives of the column that is the same image, if there is one; all others are negatives.
struct MapTile {
  int64_t images;
  int64_t locations;
  int64_t positive_column;  // Of the tile's first image; the next image's is the next. Any, also below 0.
  int64_t columns;
  int64_t width;
  int64_t panel_size;  // Of the scores' panels: at least images * locations * width.

  // What there is for each column, and for each location of a column: arrays of so many elements, panels of so many
  // rows.
  int64_t padded_columns() const { return Panels{1, columns, width}.padded_columns(); }
  Panels positives() const { return {locations, columns, width}; }
};

// Up to this c references are not needed: sums of exp(phi(x)) stay in float's range.
inline constexpr double kLargestBareClip = 40;

// How scores become exponentials.
template <typename T>
struct ScoreClip {
  T clip;               // c
  const T* references;  // m of each column, padded. Null: 0; only with c <= kLargestBareClip.
  // To about an ulp, though that takes longer: where so few scores count that their errors do not cancel.
  bool careful = false;
};

// Raises maxima[b] to the largest negative score of column b, if there is one. A NaN may be passed over. `maxima` is
// padded.
void MaxOfNegatives(const MapTile& tile, const float* scores, float* maxima);
void MaxOfNegatives(const MapTile& tile, const double* scores, double* maxima);

// Replaces `count` scores by phi(x), to the bit as the other sweeps form it with references. `scores` is padded like
// the columns.
void ClipScores(int64_t count, float clip, float* scores);
void ClipScores(int64_t count, double clip, double* scores);

// Adds to exp_sums[b] the sum of e over the negatives of column b, to square_sums[b] that of x^2 over all its elements;
// both are padded like the columns. Copies the scores of those columns' positives that lie in the tile to `positives`.
// Writes e phi'(x), laid out like the scores, to `slopes` (may be null).
void SumExponentials(const MapTile& tile, const float* scores, const ScoreClip<float>& clip, float* slopes,
                     double* exp_sums, double* square_sums, float* positives);
void SumExponentials(const MapTile& tile, const double* scores, const ScoreClip<double>& clip, double* slopes,
                     double* exp_sums, double* square_sums, double* positives);

// What the gradient with respect to the scores of positives is made of.
template <typename T>
struct MapPositiveWeights {
  const double* exp_sums;  // N of each column: sum of e over all its negatives.
  T positives;
  T scores;  // Of the regularizer.
};

// For the positives of column b: loss_sums[b] = sum of softplus(m + log N - phi(x)), sigmoid_sums[b] = sum of
// N / (N + e); both are padded like the columns. Replaces the scores by the gradient with respect to them: scores * x -
// positives * N / (N + e) phi'(x).
void ScorePositives(const Panels& panels, const ScoreClip<float>& clip, const MapPositiveWeights<float>& weights,
                    float* positives, double* loss_sums, double* sigmoid_sums);
void ScorePositives(const Panels& panels, const ScoreClip<double>& clip, const MapPositiveWeights<double>& weights,
                    double* positives, double* loss_sums, double* sigmoid_sums);

// What the gradient with respect to all scores is made of.
template <typename T>
struct GradientWeights {
  const T* negatives;  // For each column, padded.
  T scores;            // Of the regularizer.
  const T* positives;  // Their gradient, as ScorePositives leaves it.
  const T* slopes;     // e phi'(x), as SumExponentials leaves it. Null: formed again.
};

// Replaces scores by the gradient with respect to them: scores * x + negatives[b] * e phi'(x) for a negative, what
// `weights.positives` says for a positive.
void FormGradient(const MapTile& tile, const ScoreClip<float>& clip, const GradientWeights<float>& weights,
                  float* scores);
void FormGradient(const MapTile& tile, const ScoreClip<double>& clip, const GradientWeights<double>& weights,
                  double* scores);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_CONTRAST_SWEEPS_H_
