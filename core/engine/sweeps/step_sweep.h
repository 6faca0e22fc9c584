// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The sweep of softmax terms whose pairs are steps (core/engine/contrast.h), as in cpc.

#ifndef LOSSD_CORE_ENGINE_SWEEPS_STEP_SWEEP_H_
#define LOSSD_CORE_ENGINE_SWEEPS_STEP_SWEEP_H_

#include <cstdint>

#include "core/engine/sweeps/sweep_block.h"

namespace lossd {

// One row: the loss of each of its steps, log-sum-exp of all columns - the pair's score, and the gradient by the raw
// scores. What a pair is contrasted with is summed without it.
template <typename T>
struct StepSweep {
  ScoreBlock<T> block;
  int64_t steps = 1;               // Lines of rows in a stack.
  int64_t line = 1;                // Vectors of a line.
  const double* shares = nullptr;  // [groups, steps]: of a row's loss of a step in the whole.
  double* losses = nullptr;  // [groups, steps, all rows], groups as far apart as `numbers` says; 0 without a pair.
  int64_t numbers = 1;
  double* margins = nullptr;  // [groups, all rows, steps]: what the gradient needs of each pair in between.

  int64_t units() const { return block.rows; }
  int64_t groups() const { return block.groups; }

  template <typename Block>
  LOSSD_HOST_DEVICE void operator()(const Block& threads, int64_t group, int64_t row) const {
    const ScoreScale<T> scale(block.scale, group);
    const T* const scores = block.scores + block.Place(group, row);
    const int64_t i = block.first_row + row;
    const Pairs pairs = PairsOf(i);
    double* const margin = margins + (group * block.all_rows + i) * steps;
    const auto others = ReduceRuns<RunningSum<T>>(
        threads, scores, block.columns, [&](RunningSum<T>& state, int64_t first, T* run, int size) {
          for (int k = 0; k < kSweepRun; ++k) {
            run[k] = k < size && pairs.StepOf(first + k) == 0 ? scale * run[k] : -INFINITY;
          }
          state.AddRun(run);
        });
    threads.ForEach(steps, [&](int64_t step) {
      double loss = 0;
      if (step < pairs.count) {
        RunningSum<T> rest = others;
        for (int64_t other = 0; other < pairs.count; ++other) {
          if (other != step) rest.Add(scale * scores[pairs.Column(other)]);
        }
        margin[step] = rest.LogSumExp() - static_cast<double>(scale * scores[pairs.Column(step)]);
        loss = StableSoftplus(margin[step]);
      }
      losses[(group * numbers + step) * block.all_rows + i] = loss;
    });
    if (block.wants_gradient()) WriteGradient(threads, group, row, pairs, others, margin);
  }

 private:
  // The pairs of a row.
  struct Pairs {
    int64_t first;  // Column of the first.
    int64_t count;
    int64_t line;

    // Of step + 1.
    LOSSD_HOST_DEVICE int64_t Column(int64_t step) const { return first + step * line; }
    // Which step's pair a column is, counted from 1; 0: none's.
    LOSSD_HOST_DEVICE int64_t StepOf(int64_t column) const {
      const int64_t beyond = column - first;
      if (beyond < 0 || beyond >= count * line || beyond % line != 0) return 0;
      return beyond / line + 1;
    }
  };

  LOSSD_HOST_DEVICE Pairs PairsOf(int64_t row) const {
    const int64_t stack = row / (steps * line);
    return {row + 2 * (stack + 1) * line, steps - row / line % steps, line};
  }

  template <typename Block>
  LOSSD_HOST_DEVICE void WriteGradient(const Block& threads, int64_t group, int64_t row, const Pairs& pairs,
                                       const RunningSum<T>& others, const double* margin) const {
    const double scale = block.scale.Of(group);
    const ScoreScale<T> score_scale(block.scale, group);
    const int64_t place = block.Place(group, row);
    const double* const share = shares + group * steps;
    // These let all threads see the margins.
    RunningSum<T> all = threads.template Reduce<RunningSum<T>>(pairs.count, [&](RunningSum<T>& state, int64_t step) {
      state.Add(score_scale * block.scores[place + pairs.Column(step)]);
    });
    all.Add(others);
    const Total shared =
        threads.template Reduce<Total>(pairs.count, [&](Total& state, int64_t step) { state.sum += share[step]; });
    const T weight = ClosestFinite<T>(scale * shared.sum / (all.sum == 0 ? 1 : all.sum));
    block.WriteRow(threads, group, row, [&](int64_t c, T raw) -> T {
      const int64_t step = pairs.StepOf(c);
      if (step == 0) return weight * ExpBelow(score_scale * raw, all.maximum);
      const double of_step = share[step - 1];
      return ClosestFinite<T>(scale * ((shared.sum - of_step) * StableSigmoid(-margin[step - 1]) -
                                       of_step * StableSigmoid(margin[step - 1])));
    });
  }
};

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_SWEEPS_STEP_SWEEP_H_
