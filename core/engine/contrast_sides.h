// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a contrast keeps of every row, and of every column where columns have terms: running sums while scores pass by,
// then the loss and the weights of the gradient. T is float or double.
//
// Nothing here locks or fails. A side's arrays belong to its workspace; threads may enter scores at the same time as
// long as they enter different rows, and every other function needs the side for itself, once all have entered theirs.

#ifndef LOSSD_CORE_ENGINE_CONTRAST_SIDES_H_
#define LOSSD_CORE_ENGINE_CONTRAST_SIDES_H_

#include <cstdint>

#include "core/engine/contrast.h"
#include "core/engine/contrast_row_sweeps.h"
#include "core/engine/workspace.h"

namespace lossd {

// Arrays of one entry a row, padded for sweeps that read whole vectors. Null where the problem needs none.
template <typename T>
struct ContrastSide {
  int64_t count = 0;       // Rows that have a term.
  T* maxima = nullptr;     // Largest score among those entered; after FinishSide what exponentials are relative to.
  double* sums = nullptr;  // Sum of exp(score - maximum) over them.
  T* pairs = nullptr;      // Score of the pair.
  T* weights = nullptr;    // Of exp(score - maximum) in the gradient.
  double* pair_weights = nullptr;  // Minus the gradient with respect to the pair's score.
  double* factors = nullptr;       // Of the pair's score in the loss; 1 unless weighted.

  // With smoothing or labels: the plain sum of scores; with exclusion: how many columns have left.
  double* score_sums = nullptr;
  int64_t* removed = nullptr;
  T* evenly = nullptr;  // With smoothing: what is taken off the gradient of every column left.

  // With labels: the same for positives, and how many there are.
  T* positive_maxima = nullptr;
  double* positive_sums = nullptr;
  int64_t* positives = nullptr;
  T* positive_weights = nullptr;
  T* positive_offsets = nullptr;

  RunningSums<T> entered(int64_t place) const { return {maxima + place, sums + place}; }
  RunningSums<T> entered_positives(int64_t place) const { return {positive_maxima + place, positive_sums + place}; }
};

// Takes the arrays for `count` rows from `workspace`, uninitialised; null ones from one that counts.
template <typename T>
ContrastSide<T> LayOutSide(const ContrastProblem& problem, int64_t count, Workspace& workspace);

// log(1 + exp(z)), without overflow.
double Softplus(double z);

// Sets running sums to nothing entered.
template <typename T>
void ClearSide(const ContrastSide<T>& side);

// Sets the pairs' factors: w_i = 2 - N softmax(similarities / sigma) over each of `views` equal runs of rows.
template <typename T>
void WeighPairs(const ContrastSide<T>& side, const double* similarities, int64_t views, double sigma);

// From the sums to the weights; once, since maxima change. `columns` is how many columns a row has before exclusion,
// `share` the weight of a row. Returns the sum of the rows' losses times share.
template <typename T>
double FinishSide(const ContrastProblem& problem, const ContrastSide<T>& side, int64_t columns, double share);

// Share of rows whose pair has no larger score beside it. After the sums, before FinishSide.
template <typename T>
double AccuracyOf(const ContrastSide<T>& side);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_CONTRAST_SIDES_H_
