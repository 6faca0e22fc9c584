// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Sweeps of softmax terms with one pair a row (core/engine/contrast.h): what rows and columns sum up, and the gradient
// by the scores.

#ifndef LOSSD_CORE_ENGINE_SWEEPS_PAIR_SWEEP_H_
#define LOSSD_CORE_ENGINE_SWEEPS_PAIR_SWEEP_H_

#include <cstdint>

#include "core/engine/sweeps/sweep_block.h"

namespace lossd {

// Which columns belong to a row, and which leave it. Rows are counted in the whole problem.
template <typename T>
struct PairRule {
  // The pair of row i is column i, or with views column (i + views) % (2 views).
  int64_t views = 0;
  bool excludes_self = false;
  // A column other than the pair leaves a row (a row leaves a column's denominator) where the similarity, [groups,
  // rows, columns] of the block, is above the bound, [groups, all rows], of the row (of the column). Null: none does.
  const T* similarities = nullptr;
  const T* bounds = nullptr;
  double share = 1;  // Of a row's loss in the whole.
  double smoothing = 0;
  bool pair_in_denominator = true;
  const double* pair_weights = nullptr;  // [groups, all rows]; null: ones.

  // Whether losses are made of more than exponentials.
  LOSSD_HOST_DEVICE bool counts() const { return smoothing != 0; }
  LOSSD_HOST_DEVICE int64_t PairOf(int64_t row) const { return views > 0 ? (row + views) % (2 * views) : row; }
};

// What a row (a column) sums up over what is left in it, without its pair.
template <typename T>
struct PairSums {
  RunningSum<T> others;
  // Of what is left; zeros where the rule does not count.
  double left = 0;
  double score_sum = 0;

  // Scores of a run, -inf for what is not there. `counts`: whether how many they are, and their sum, is wanted.
  LOSSD_HOST_DEVICE void TakeRun(const T* scores, bool counts) {
    others.AddRun(scores);
    if (!counts) return;
    T part = 0;
    int count = 0;
    for (int k = 0; k < kSweepRun; ++k) {
      if (scores[k] == -INFINITY) continue;
      part += scores[k];
      ++count;
    }
    left += count;
    score_sum += static_cast<double>(part);
  }
  LOSSD_HOST_DEVICE void Add(const PairSums& other) {
    others.Add(other.others);
    left += other.left;
    score_sum += other.score_sum;
  }
};

// What the gradient by a row's (a column's) scores is made of: weight exp(s - maximum) - evenly, and `pair` for its
// pair.
template <typename T>
struct PairTerm {
  T maximum = 0;
  T weight = 0;
  T evenly = 0;
  T pair = 0;
};

// The row's loss, times its share; sets `term`. `pair_score` is its pair's.
template <typename T>
LOSSD_HOST_DEVICE double FinishPair(const PairRule<T>& rule, const PairSums<T>& sums, double pair_score,
                                    double pair_weight, PairTerm<T>& term) {
  const double margin = sums.others.LogSumExp() - pair_score;
  const double left = sums.left + 1;
  const double total = sums.others.sum == 0 ? 1 : sums.others.sum;
  term.maximum = sums.others.maximum;
  term.evenly = static_cast<T>(rule.smoothing * rule.share / left);
  if (!rule.pair_in_denominator) {
    term.weight = static_cast<T>(rule.share / total);
    term.pair = static_cast<T>(-pair_weight * rule.share);
    return (sums.others.LogSumExp() - pair_weight * pair_score) * rule.share;
  }
  const double sigmoid = StableSigmoid(margin);
  const double e = rule.smoothing;
  term.weight = static_cast<T>(sigmoid * rule.share / total);
  if (e == 0) {
    term.pair = static_cast<T>(-sigmoid * rule.share);
    return StableSoftplus(margin) * rule.share;
  }
  term.pair = static_cast<T>(-(sigmoid * (1 - e) - (1 - sigmoid) * e + e / left) * rule.share);
  return (StableSoftplus(margin) + (pair_score - (sums.score_sum + pair_score) / left) * e) * rule.share;
}

// One row: writes its loss, `right` and term, with `sums`; then, or with the terms of rows and columns that were found
// before, the gradient if that is wanted. With `sums` a block has all columns.
template <typename T>
struct PairSweep {
  ScoreBlock<T> block;
  PairRule<T> rule;
  bool sums = true;
  PairTerm<T>* terms = nullptr;  // [groups, all rows]
  const PairTerm<T>* column_terms =
      nullptr;               // [groups, all rows]: of the columns with a pair; null where they have none.
  double* losses = nullptr;  // [groups, numbers, all rows], at this row of numbers.
  double* right = nullptr;   // Likewise: 1 where no column left is above the pair. May be null.
  int64_t numbers = 1;

  int64_t units() const { return block.rows; }
  int64_t groups() const { return block.groups; }

  template <typename Block>
  LOSSD_HOST_DEVICE void operator()(const Block& threads, int64_t group, int64_t row) const {
    const ScoreScale<T> scale(block.scale, group);
    if (sums) Sum(threads, group, row, scale);
    if (block.wants_gradient()) WriteGradient(threads, group, row, scale);
  }

 private:
  LOSSD_HOST_DEVICE bool Leaves(int64_t place, T bound) const { return rule.similarities[place] > bound; }

  template <typename Block>
  LOSSD_HOST_DEVICE void Sum(const Block& threads, int64_t group, int64_t row, const ScoreScale<T>& scale) const {
    const int64_t place = block.Place(group, row);
    const int64_t i = block.first_row + row;
    const int64_t row_place = block.RowPlace(group, row);
    const int64_t pair = rule.PairOf(i);
    const int64_t self = rule.excludes_self ? i : -1;
    const T bound = rule.similarities == nullptr ? T{0} : rule.bounds[row_place];
    const auto found = ReduceRuns<PairSums<T>>(
        threads, block.scores + place, block.columns, [&](PairSums<T>& state, int64_t first, T* run, int size) {
          for (int k = 0; k < kSweepRun; ++k) {
            const int64_t c = first + k;
            const bool stays =
                k < size && c != pair && c != self && (rule.similarities == nullptr || !Leaves(place + c, bound));
            run[k] = stays ? scale * run[k] : -INFINITY;
          }
          state.TakeRun(run, rule.counts());
        });
    threads.Once([&] {
      const T pair_score = scale * block.scores[place + pair];
      const double weight = rule.pair_weights == nullptr ? 1 : rule.pair_weights[row_place];
      const int64_t number = group * numbers * block.all_rows + i;
      losses[number] = FinishPair(rule, found, static_cast<double>(pair_score), weight, terms[row_place]);
      if (right != nullptr) right[number] = found.others.maximum <= pair_score ? 1 : 0;
    });
  }

  template <typename Block>
  LOSSD_HOST_DEVICE void WriteGradient(const Block& threads, int64_t group, int64_t row,
                                       const ScoreScale<T>& scale) const {
    const int64_t place = block.Place(group, row);
    const int64_t i = block.first_row + row;
    const int64_t pair = rule.PairOf(i) - block.first_column;
    const int64_t self = rule.excludes_self ? i - block.first_column : -1;
    const int64_t row_place = block.RowPlace(group, row);
    const PairTerm<T> term = terms[row_place];
    const int64_t column_place = group * block.all_rows + block.first_column;
    const int64_t paired = block.all_rows - block.first_column;  // Columns of the block that have a pair.
    block.WriteRow(threads, group, row, [&](int64_t c, T raw) -> T {
      if (c == pair) return column_terms == nullptr ? term.pair : term.pair + column_terms[column_place + c].pair;
      if (c == self) return 0;
      const T score = scale * raw;
      T sum = 0;
      if (rule.similarities == nullptr || !Leaves(place + c, rule.bounds[row_place])) {
        sum = term.weight * ExpBelow(score, term.maximum) - term.evenly;
      }
      if (column_terms != nullptr && c < paired &&
          (rule.similarities == nullptr || !Leaves(place + c, rule.bounds[column_place + c]))) {
        const PairTerm<T> column = column_terms[column_place + c];
        sum += column.weight * ExpBelow(score, column.maximum) - column.evenly;
      }
      return sum;
    });
  }
};

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_SWEEPS_PAIR_SWEEP_H_
