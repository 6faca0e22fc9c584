// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The sweep of sigmoid terms, where every pair of a row and a column counts for itself, as in siglip.

#ifndef LOSSD_CORE_ENGINE_SWEEPS_SIGMOID_SWEEP_H_
#define LOSSD_CORE_ENGINE_SWEEPS_SIGMOID_SWEEP_H_

#include <cstdint>

#include "core/engine/sweeps/sweep_block.h"

namespace lossd {

struct SigmoidSums {
  double loss = 0;
  double slope = 0;

  LOSSD_HOST_DEVICE void Add(const SigmoidSums& other) {
    loss += other.loss;
    slope += other.slope;
  }
};

// One row, s = scale x + bias, of a block that may have a part of the columns: adds to what blocks with columns before
// have the sum of softplus(-z s), z = 1 for the column of the row's own number and -1 elsewhere, and writes its
// gradient.
template <typename T>
struct SigmoidSweep {
  ScoreBlock<T> block;
  const double* biases = nullptr;  // [groups]; null: zeros.
  double share = 1;                // Of a row's loss in the whole.
  double* losses = nullptr;        // [groups, numbers, all rows], at this row of numbers.
  double* slopes = nullptr;        // Likewise: the sum of the gradient by the scores.
  int64_t numbers = 1;

  int64_t units() const { return block.rows; }
  int64_t groups() const { return block.groups; }

  template <typename Block>
  LOSSD_HOST_DEVICE void operator()(const Block& threads, int64_t group, int64_t row) const {
    // Rounded to T, they would shift all scores alike, and a sum over all pairs would not hide that.
    const double scale = block.scale.Of(group);
    const double bias = biases == nullptr ? 0 : biases[group];
    const int64_t place = block.Place(group, row);
    const int64_t i = block.first_row + row;
    const int64_t pair = i - block.first_column;
    const SigmoidSums sums = ReduceRuns<SigmoidSums>(
        threads, block.scores + place, block.columns, [&](SigmoidSums& state, int64_t first, T* run, int size) {
          T loss = 0;
          T slopes_sum = 0;
          for (int k = 0; k < kSweepRun; ++k) {
            if (k >= size) continue;
            const T score = static_cast<T>(scale * static_cast<double>(run[k]) + bias);
            const bool is_pair = first + k == pair;
            const T away = is_pair ? -score : score;
            run[k] = (is_pair ? T{-1} : T{1}) * StableSigmoid(away) * static_cast<T>(share);
            loss += StableSoftplus(away);
            slopes_sum += run[k];
          }
          state.loss += static_cast<double>(loss);
          state.slope += static_cast<double>(slopes_sum);
          if (block.wants_gradient()) block.gradient.WriteRun(place + first, run, size);
        });
    threads.Once([&] {
      const int64_t number = group * numbers * block.all_rows + i;
      const bool begins = block.first_column == 0;
      losses[number] = (begins ? 0 : losses[number]) + sums.loss * share;
      slopes[number] = (begins ? 0 : slopes[number]) + sums.slope;
    });
  }
};

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_SWEEPS_SIGMOID_SWEEP_H_
