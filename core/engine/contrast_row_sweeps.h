// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The elementwise part of the contrast of rows among themselves: one vectorised sweep a step, over a tile of scores of
// which element (r, c) counts for the row's side and for the column's side. Entries that are not negatives are -inf.
// All functions are thread-safe and run on the calling thread.

#ifndef LOSSD_CORE_ENGINE_CONTRAST_ROW_SWEEPS_H_
#define LOSSD_CORE_ENGINE_CONTRAST_ROW_SWEEPS_H_

#include <cstdint>

namespace lossd {

// Elements that sweeps may read, but do not use, behind the last one of an array.
inline constexpr int64_t kSweepPadding = 64;

// A tile in memory, C order without gaps.
struct ScoreTile {
  int64_t rows;
  int64_t columns;
};

// A running log-sum-exp over scores: sum of exp(score - maximum), one for each row or column.
template <typename T>
struct RunningSums {
  T* maxima;     // -inf at first.
  double* sums;  // 0 at first.
};

// Enters a tile's scores into the sums of its rows.
void EnterRows(const ScoreTile& tile, const float* scores, const RunningSums<float>& sums);
void EnterRows(const ScoreTile& tile, const double* scores, const RunningSums<double>& sums);

// Enters a tile's scores into the sums of its columns.
void EnterColumns(const ScoreTile& tile, const float* scores, const RunningSums<float>& sums);
void EnterColumns(const ScoreTile& tile, const double* scores, const RunningSums<double>& sums);

// For each row or column: the gradient with respect to a score s is weight * exp(s - maximum).
template <typename T>
struct ExpWeights {
  const T* maxima;
  const T* weights;
};

// Replaces scores by the gradient of the rows' side with respect to them.
void FormRowGradient(const ScoreTile& tile, const ExpWeights<float>& rows, float* scores);
void FormRowGradient(const ScoreTile& tile, const ExpWeights<double>& rows, double* scores);

// Replaces the rows' side's scores by the sum of both sides' gradients with respect to them. The sides' scores may
// differ in what is -inf, or be the same.
void FormPairGradient(const ScoreTile& tile, const ExpWeights<float>& rows, const ExpWeights<float>& columns,
                      const float* column_scores, float* row_scores);
void FormPairGradient(const ScoreTile& tile, const ExpWeights<double>& rows, const ExpWeights<double>& columns,
                      const double* column_scores, double* row_scores);

// For each row or column: the gradient with respect to the score s of a positive is
// weight * exp(s - maximum) - offset.
template <typename T>
struct PositiveExpWeights {
  const T* maxima;
  const T* weights;
  const T* offsets;
};

// Overwrites the gradient where `scores`, those of positives alone, are not -inf: with the sum of both sides'.
void FormPositiveGradient(const ScoreTile& tile, const PositiveExpWeights<float>& rows,
                          const PositiveExpWeights<float>& columns, const float* scores, float* gradient);
void FormPositiveGradient(const ScoreTile& tile, const PositiveExpWeights<double>& rows,
                          const PositiveExpWeights<double>& columns, const double* scores, double* gradient);

// What the sigmoid loss adds to each row: the sum of softplus(score + bias), and that of the gradients.
struct SigmoidRowSums {
  double* losses;
  double* gradients;
};

// Enters softplus(score + bias) of all scores into `sums` and replaces scores by share * sigmoid(score + bias).
void FormSigmoidGradient(const ScoreTile& tile, float bias, float share, float* scores, const SigmoidRowSums& sums);
void FormSigmoidGradient(const ScoreTile& tile, double bias, double share, double* scores, const SigmoidRowSums& sums);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_CONTRAST_ROW_SWEEPS_H_
