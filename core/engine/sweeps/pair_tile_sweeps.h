// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Sweeps of softmax terms of which columns have their own, too, over tiles of scores (core/engine/sweeps/pair_sweep.h):
// what rows and columns sum up, of one reading of a tile, and what is made of that when all tiles were read.

#ifndef LOSSD_CORE_ENGINE_SWEEPS_PAIR_TILE_SWEEPS_H_
#define LOSSD_CORE_ENGINE_SWEEPS_PAIR_TILE_SWEEPS_H_

#include <cstdint>

#include "core/engine/sweeps/pair_sweep.h"
#include "core/engine/sweeps/sweep_block.h"

namespace lossd {

// Columns of a tile whose sums in a row a block of threads forms alone.
inline constexpr int64_t kStripColumns = 8 * kPatchColumns;

// What parts of a tile of all groups sum up: of each row, of each strip of columns; of each column, of each patch's
// rows. Columns beyond the problem's rows have no pair, nor sums.
template <typename T>
struct PairTileParts {
  int64_t rows = 0;
  int64_t columns = 0;                // Of the tile.
  int64_t paired = 0;                 // Of them, the first, have a pair.
  PairSums<T>* of_rows = nullptr;     // [groups, strips, rows]
  PairSums<T>* of_columns = nullptr;  // [groups, patches, columns with a pair]

  // Without their places: of a tile of a problem of so many rows.
  static PairTileParts Of(int64_t rows, int64_t columns, int64_t first_column, int64_t all_rows) {
    const int64_t beyond = all_rows - first_column;
    return {rows, columns, beyond < 0 ? 0 : beyond < columns ? beyond : columns};
  }

  LOSSD_HOST_DEVICE int64_t strips() const { return (columns + kStripColumns - 1) / kStripColumns; }
  LOSSD_HOST_DEVICE int64_t patches() const { return (rows + kPatchRows<T> - 1) / kPatchRows<T>; }
  // Of each group.
  int64_t row_states() const { return strips() * rows; }
  int64_t column_states() const { return patches() * paired; }
};

// A strip of columns of a patch's rows: the pair of a row is the column of its own number. Writes parts, and the score
// of a row's pair where that is in the tile.
template <typename T>
struct PairTileSums {
  ScoreBlock<T> block;
  PairRule<T> rule;
  PairTileParts<T> parts;
  double* pair_scores = nullptr;  // [groups, all rows]

  int64_t units() const { return parts.patches() * parts.strips(); }
  int64_t groups() const { return block.groups; }

  template <typename Block>
  LOSSD_HOST_DEVICE void operator()(const Block& threads, int64_t group, int64_t unit) const {
    const ScoreScale<T> scale(block.scale, group);
    const int64_t patch = unit / parts.strips();
    const int64_t strip = unit % parts.strips();
    const int64_t row = patch * kPatchRows<T>;  // Of the tile, as is the column.
    const int64_t column = strip * kStripColumns;
    const int64_t place = block.Place(group, row) + column;
    const int64_t all_row = group * block.all_rows + block.first_row + row;
    const int64_t all_column = group * block.all_rows + block.first_column + column;
    const int64_t pair = block.first_row + row - block.first_column - column;  // Of the first row.
    threads.template ReduceBothWays<T, PairSums<T>>(
        block.rows - row, block.columns - column, kStripColumns, rule.similarities != nullptr,
        [&](int64_t r, int64_t c, bool for_columns) -> T {
          const int64_t at = place + r * block.columns + c;
          const T score = scale * block.scores[at];
          if (c == r + pair) {
            pair_scores[all_row + r] = static_cast<double>(score);
            return -INFINITY;
          }
          if (rule.similarities == nullptr) return score;
          if (for_columns && column + c >= parts.paired) return -INFINITY;
          return rule.similarities[at] > rule.bounds[for_columns ? all_column + c : all_row + r] ? -INFINITY : score;
        },
        [&](PairSums<T>& state, const T* run) { state.TakeRun(run, rule.counts()); },
        [&](int64_t r, const PairSums<T>& state) {
          parts.of_rows[(group * parts.strips() + strip) * parts.rows + row + r] = state;
        },
        [&](int64_t c, const PairSums<T>& state) {
          if (column + c >= parts.paired) return;
          parts.of_columns[(group * parts.patches() + patch) * parts.paired + column + c] = state;
        });
  }
};

// kSweepColumns rows, or columns, of a tile: adds what its parts sum up to what those of tiles before have.
template <typename T>
struct PairTileTotals {
  PairTileParts<T> parts;
  int64_t group_count = 0;
  int64_t all_rows = 0;
  int64_t first_row = 0;
  int64_t first_column = 0;
  PairSums<T>* of_rows = nullptr;     // [groups, all rows]
  PairSums<T>* of_columns = nullptr;  // Likewise: of the columns with a pair.

  int64_t units() const { return UnitsOf(parts.rows) + UnitsOf(parts.paired); }
  int64_t groups() const { return group_count; }

  template <typename Block>
  LOSSD_HOST_DEVICE void operator()(const Block& threads, int64_t group, int64_t unit) const {
    const int64_t of_row_units = UnitsOf(parts.rows);
    if (unit < of_row_units) {
      Join(threads, parts.of_rows + group * parts.strips() * parts.rows, parts.strips(), parts.rows,
           unit * kSweepColumns, of_rows + group * all_rows + first_row, first_column == 0);
    } else {
      Join(threads, parts.of_columns + group * parts.patches() * parts.paired, parts.patches(), parts.paired,
           (unit - of_row_units) * kSweepColumns, of_columns + group * all_rows + first_column, first_row == 0);
    }
  }

 private:
  LOSSD_HOST_DEVICE static int64_t UnitsOf(int64_t count) { return (count + kSweepColumns - 1) / kSweepColumns; }

  // Of `states`, [size, count], those from `first` on.
  template <typename Block>
  LOSSD_HOST_DEVICE static void Join(const Block& threads, const PairSums<T>* states, int64_t size, int64_t count,
                                     int64_t first, PairSums<T>* sums, bool begins) {
    const int64_t left = count - first < kSweepColumns ? count - first : kSweepColumns;
    threads.template ReduceColumns<PairSums<T>>(
        size, left,
        [&](PairSums<T>* run, int64_t part, int64_t c) {
          for (int k = 0; k < kSweepRun; ++k) {
            if (c + k < left) run[k].Add(states[part * count + first + c + k]);
          }
        },
        [&](int64_t c, const PairSums<T>& state) {
          PairSums<T>& all = sums[first + c];
          if (begins) all = PairSums<T>();
          all.Add(state);
        });
  }
};

// kSweepThreads rows, or columns, of which the sums are complete: writes losses, [groups, numbers, all rows], terms,
// and where that is wanted, likewise, whether none of what is left is above the pair.
template <typename T>
struct PairTerms {
  PairRule<T> rule;
  int64_t group_count = 0;
  int64_t all_rows = 0;
  const PairSums<T>* sums = nullptr;
  const double* pair_scores = nullptr;
  PairTerm<T>* terms = nullptr;
  double* losses = nullptr;
  double* right = nullptr;  // May be null.
  int64_t numbers = 1;

  int64_t units() const { return (all_rows + kSweepThreads - 1) / kSweepThreads; }
  int64_t groups() const { return group_count; }

  template <typename Block>
  LOSSD_HOST_DEVICE void operator()(const Block& threads, int64_t group, int64_t unit) const {
    const int64_t first = unit * kSweepThreads;
    const int64_t left = all_rows - first;
    threads.ForEach(left < kSweepThreads ? left : kSweepThreads, [&](int64_t i) {
      const int64_t place = group * all_rows + first + i;
      const int64_t number = group * numbers * all_rows + first + i;
      losses[number] = FinishPair(rule, sums[place], pair_scores[place], 1, terms[place]);
      if (right != nullptr)
        right[number] = static_cast<double>(sums[place].others.maximum) <= pair_scores[place] ? 1 : 0;
    });
  }
};

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_SWEEPS_PAIR_TILE_SWEEPS_H_
