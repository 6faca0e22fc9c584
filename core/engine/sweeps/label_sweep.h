// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Sweeps of softmax terms whose pairs are the rows of equal label, as in sup_con.

#ifndef LOSSD_CORE_ENGINE_SWEEPS_LABEL_SWEEP_H_
#define LOSSD_CORE_ENGINE_SWEEPS_LABEL_SWEEP_H_

#include <cstdint>

#include "core/engine/sweeps/sweep_block.h"

namespace lossd {

// One row: writes how many others have its label.
struct LabelCounts {
  int64_t group_count = 0;
  int64_t rows = 0;
  const int64_t* labels = nullptr;  // [groups, rows]
  double* counts = nullptr;         // Likewise.

  int64_t units() const { return rows; }
  int64_t groups() const { return group_count; }

  template <typename Block>
  LOSSD_HOST_DEVICE void operator()(const Block& threads, int64_t group, int64_t row) const {
    const int64_t* const of_group = labels + group * rows;
    const Total equal = threads.template Reduce<Total>(
        rows, [&](Total& state, int64_t c) { state.sum += of_group[c] == of_group[row] ? 1 : 0; });
    threads.Once([&] { counts[group * rows + row] = equal.sum - 1; });
  }
};

// The columns of a row without itself, those of its label apart.
template <typename T>
struct LabelSums {
  RunningSum<T> others;
  RunningSum<T> positives;
  double positive_scores = 0;

  LOSSD_HOST_DEVICE void Add(const LabelSums& other) {
    others.Add(other.others);
    positives.Add(other.positives);
    positive_scores += other.positive_scores;
  }
};

// One row: loss and gradient. A row alone with its label has neither.
template <typename T>
struct LabelSweep {
  ScoreBlock<T> block;
  const int64_t* labels = nullptr;  // [groups, all rows]
  const double* counts = nullptr;   // Likewise, as LabelCounts leaves them.
  const double* shares = nullptr;   // [groups]: of a row's loss in the whole.
  double* losses = nullptr;         // [groups, numbers, all rows], at this row of numbers.
  int64_t numbers = 1;

  int64_t units() const { return block.rows; }
  int64_t groups() const { return block.groups; }

  template <typename Block>
  LOSSD_HOST_DEVICE void operator()(const Block& threads, int64_t group, int64_t row) const {
    const ScoreScale<T> scale(block.scale, group);
    const int64_t place = block.Place(group, row);
    const int64_t i = block.first_row + row;
    const int64_t* const of_group = labels + group * block.all_rows;
    const int64_t label = of_group[i];
    const double count = counts[group * block.all_rows + i];
    const double share = count > 0 ? shares[group] : 0;
    const auto sums = ReduceRuns<LabelSums<T>>(threads, block.scores + place, block.columns,
                                               [&](LabelSums<T>& state, int64_t first, T* run, int size) {
                                                 T others[kSweepRun];
                                                 T positives[kSweepRun];
                                                 for (int k = 0; k < kSweepRun; ++k) {
                                                   const int64_t c = first + k;
                                                   const bool is_there = k < size && c != i;
                                                   const bool is_positive = is_there && of_group[c] == label;
                                                   const T score = scale * run[k];
                                                   others[k] = is_there && !is_positive ? score : -INFINITY;
                                                   positives[k] = is_positive ? score : -INFINITY;
                                                   if (is_positive) state.positive_scores += static_cast<double>(score);
                                                 }
                                                 state.others.AddRun(others);
                                                 state.positives.AddRun(positives);
                                               });
    RunningSum<T> all = sums.others;
    all.Add(sums.positives);
    // exp(s - maximum of all) summed over those of other labels.
    const double negative = sums.others.sum == 0 ? 0 : sums.others.sum * Exp(sums.others.maximum, all.maximum);
    threads.Once([&] {
      const double loss = count == 1 && negative > 0
                              ? StableSoftplus(sums.others.LogSumExp() - sums.positives.LogSumExp())
                              : all.LogSumExp() - sums.positive_scores / count;
      losses[group * numbers * block.all_rows + i] = count > 0 ? loss * share : 0;
    });
    if (!block.wants_gradient()) return;
    const double weight = share / (all.sum == 0 ? 1 : all.sum);
    const T spread = static_cast<T>(weight);
    const T positive_spread = static_cast<T>(count > 1 ? weight : 0);
    const T offset = static_cast<T>(count == 1 ? weight * negative : share / (count > 1 ? count : 1));
    block.WriteRow(threads, group, row, [&](int64_t c, T raw) -> T {
      if (c == i) return 0;
      const T e = ExpBelow(scale * raw, all.maximum);
      return of_group[c] == label ? positive_spread * e - offset : spread * e;
    });
  }

 private:
  LOSSD_HOST_DEVICE static double Exp(T s, T maximum) { return static_cast<double>(std::exp(s - maximum)); }
};

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_SWEEPS_LABEL_SWEEP_H_
