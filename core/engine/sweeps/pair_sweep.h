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

  LOSSD_HOST_DEVICE int64_t PairOf(int64_t row) const { return views > 0 ? (row + views) % (2 * views) : row; }
};

// What a row (a column) sums up over what is left in it, without its pair.
template <typename T>
struct PairSums {
  RunningSum<T> others;
  double left = 0;
  double score_sum = 0;

  LOSSD_HOST_DEVICE void Take(T score) {
    others.Add(score);
    left += 1;
    score_sum += static_cast<double>(score);
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

// The row's loss, times its share; sets `term`. `picked` is the pair's score.
template <typename T>
LOSSD_HOST_DEVICE double FinishPair(const PairRule<T>& rule, const PairSums<T>& sums, double picked, double pair_weight,
                                    PairTerm<T>& term) {
  const double margin = sums.others.LogSumExp() - picked;
  const double left = sums.left + 1;
  const double total = sums.others.sum == 0 ? 1 : sums.others.sum;
  term.maximum = sums.others.maximum;
  term.evenly = static_cast<T>(rule.smoothing * rule.share / left);
  if (!rule.pair_in_denominator) {
    term.weight = static_cast<T>(rule.share / total);
    term.pair = static_cast<T>(-pair_weight * rule.share);
    return (sums.others.LogSumExp() - pair_weight * picked) * rule.share;
  }
  const double sigmoid = StableSigmoid(margin);
  const double e = rule.smoothing;
  term.weight = static_cast<T>(sigmoid * rule.share / total);
  if (e == 0) {
    term.pair = static_cast<T>(-sigmoid * rule.share);
    return StableSoftplus(margin) * rule.share;
  }
  term.pair = static_cast<T>(-(sigmoid * (1 - e) - (1 - sigmoid) * e + e / left) * rule.share);
  return (StableSoftplus(margin) + (picked - (sums.score_sum + picked) / left) * e) * rule.share;
}

// One row. With `sums`, sums it up and writes losses, `right`, `picked` and terms; then, or with the terms of rows and
// columns that were found before, writes the gradient if that is wanted.
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
  double* picked = nullptr;  // [groups, all rows]: the pairs' scores. May be null.

  int64_t units() const { return block.rows; }
  int64_t groups() const { return block.groups; }

  template <typename Block>
  LOSSD_HOST_DEVICE void operator()(const Block& threads, int64_t group, int64_t row) const {
    const T scale = ClosestFinite<T>(block.scale.Of(group));
    if (sums) Sum(threads, group, row, scale);
    if (block.wants_gradient()) WriteGradient(threads, group, row, scale);
  }

 private:
  LOSSD_HOST_DEVICE bool Leaves(int64_t place, T bound) const { return rule.similarities[place] > bound; }

  template <typename Block>
  LOSSD_HOST_DEVICE void Sum(const Block& threads, int64_t group, int64_t row, T scale) const {
    const int64_t place = block.Place(group, row);
    const int64_t i = block.first_row + row;
    const int64_t pair = rule.PairOf(i);
    const int64_t self = rule.excludes_self ? i : -1;
    const int64_t row_place = block.RowPlace(group, row);
    const T bound = rule.similarities == nullptr ? T{0} : rule.bounds[row_place];
    const PairSums<T> found = threads.template Reduce<PairSums<T>>(block.columns, [&](PairSums<T>& state, int64_t c) {
      if (c == pair || c == self) return;
      if (rule.similarities != nullptr && Leaves(place + c, bound)) return;
      state.Take(scale * block.scores[place + c]);
    });
    threads.Once([&] {
      const T own = scale * block.scores[place + pair];
      const double weight = rule.pair_weights == nullptr ? 1 : rule.pair_weights[row_place];
      const int64_t number = group * numbers * block.all_rows + i;
      losses[number] = FinishPair(rule, found, static_cast<double>(own), weight, terms[row_place]);
      if (right != nullptr) right[number] = found.others.maximum <= own ? 1 : 0;
      if (picked != nullptr) picked[row_place] = static_cast<double>(own);
    });
  }

  template <typename Block>
  LOSSD_HOST_DEVICE void WriteGradient(const Block& threads, int64_t group, int64_t row, T scale) const {
    const int64_t place = block.Place(group, row);
    const int64_t i = block.first_row + row;
    const int64_t pair = rule.PairOf(i);
    const int64_t self = rule.excludes_self ? i : -1;
    const int64_t row_place = block.RowPlace(group, row);
    const PairTerm<T> term = terms[row_place];
    const int64_t column_place = group * block.all_rows;
    threads.ForEach(block.columns, [&](int64_t c) {
      T sum = 0;
      if (c == pair) {
        sum = column_terms == nullptr ? term.pair : term.pair + column_terms[column_place + c].pair;
      } else if (c != self) {
        const T score = scale * block.scores[place + c];
        if (rule.similarities == nullptr || !Leaves(place + c, rule.bounds[row_place])) {
          sum = term.weight * ExpBelow(score, term.maximum) - term.evenly;
        }
        if (column_terms != nullptr && c < block.all_rows &&
            (rule.similarities == nullptr || !Leaves(place + c, rule.bounds[column_place + c]))) {
          const PairTerm<T> column = column_terms[column_place + c];
          sum += column.weight * ExpBelow(score, column.maximum) - column.evenly;
        }
      }
      block.gradient.Write(place + c, sum);
    });
  }
};

// kSweepColumns of the columns with a pair, which are as many as rows: adds what the block's rows sum up to what those
// of the chunks before have.
template <typename T>
struct PairColumnSums {
  ScoreBlock<T> block;
  PairRule<T> rule;
  PairSums<T>* sums = nullptr;  // [groups, all rows]

  int64_t units() const { return (block.all_rows + kSweepColumns - 1) / kSweepColumns; }
  int64_t groups() const { return block.groups; }

  template <typename Block>
  LOSSD_HOST_DEVICE void operator()(const Block& threads, int64_t group, int64_t unit) const {
    const T scale = ClosestFinite<T>(block.scale.Of(group));
    const int64_t first = unit * kSweepColumns;
    const int64_t left = block.all_rows - first;
    const int64_t bounds = group * block.all_rows + first;
    threads.template ReduceColumns<PairSums<T>>(
        block.rows, left < kSweepColumns ? left : kSweepColumns,
        [&](PairSums<T>& state, int64_t row, int64_t c) {
          if (block.first_row + row == first + c) return;
          const int64_t place = block.Place(group, row) + first + c;
          if (rule.similarities != nullptr && rule.similarities[place] > rule.bounds[bounds + c]) return;
          state.Take(scale * block.scores[place]);
        },
        [&](int64_t c, const PairSums<T>& state) {
          PairSums<T>& all = sums[group * block.all_rows + first + c];
          if (block.first_row == 0) all = PairSums<T>();
          all.Add(state);
        });
  }
};

// kSweepThreads columns, of which the sums are complete: writes losses, [groups, numbers, all rows], and terms.
template <typename T>
struct PairColumnTerms {
  PairRule<T> rule;
  int64_t group_count = 0;
  int64_t all_rows = 0;
  const PairSums<T>* sums = nullptr;
  const double* picked = nullptr;
  PairTerm<T>* terms = nullptr;
  double* losses = nullptr;
  int64_t numbers = 1;

  int64_t units() const { return (all_rows + kSweepThreads - 1) / kSweepThreads; }
  int64_t groups() const { return group_count; }

  template <typename Block>
  LOSSD_HOST_DEVICE void operator()(const Block& threads, int64_t group, int64_t unit) const {
    const int64_t first = unit * kSweepThreads;
    const int64_t left = all_rows - first;
    threads.ForEach(left < kSweepThreads ? left : kSweepThreads, [&](int64_t c) {
      const int64_t place = group * all_rows + first + c;
      losses[group * numbers * all_rows + first + c] = FinishPair(rule, sums[place], picked[place], 1, terms[place]);
    });
  }
};

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_SWEEPS_PAIR_SWEEP_H_
