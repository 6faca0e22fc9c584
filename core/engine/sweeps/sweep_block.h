// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What sweeps over scores are written in: the threads of a block, which work on one row together. A sweep is a function
// object that is called with a block, a group and a row, and says what the threads do through the block alone. So it is
// the body of a kernel on a card, and runs in loops of the host elsewhere, where the same numbers are added in the same
// order: which thread adds what depends on the row's length alone.

#ifndef LOSSD_CORE_ENGINE_SWEEPS_SWEEP_BLOCK_H_
#define LOSSD_CORE_ENGINE_SWEEPS_SWEEP_BLOCK_H_

#include <cmath>
#include <cstdint>
#include <type_traits>

#include "core/engine/sweeps/narrow_numbers.h"

namespace lossd {

inline constexpr int kSweepThreads = 256;
// Numbers side by side that a thread takes at a time: 16 bytes of float32.
inline constexpr int kSweepRun = 4;
// Side by side where a block works on columns: a run a thread.
inline constexpr int kSweepColumns = 32;
inline constexpr int kSweepRows = kSweepThreads / (kSweepColumns / kSweepRun);

// Of numbers that a block of threads holds to go through both ways: as many as its shared memory has beside states.
template <typename T>
inline constexpr int kPatchRows = 512 / sizeof(T);
inline constexpr int kPatchColumns = 64;

// Reads up to kSweepRun numbers, of which `count` are there, at once where they lie as a card reads them at once.
template <typename T>
LOSSD_HOST_DEVICE void LoadRun(const T* numbers, int64_t count, T* run) {
#ifdef __CUDA_ARCH__
  if (std::is_same_v<T, float> && count >= kSweepRun && reinterpret_cast<uintptr_t>(numbers) % sizeof(float4) == 0) {
    const float4 four = *reinterpret_cast<const float4*>(numbers);
    run[0] = four.x;
    run[1] = four.y;
    run[2] = four.z;
    run[3] = four.w;
    return;
  }
#endif
  for (int k = 0; k < kSweepRun; ++k) {
    if (k < count) run[k] = numbers[k];
  }
}

// The threads of a block in loops. What threads add up is a state: as constructed it is that of nothing, and Add joins
// another one's.
class HostBlock {
 public:
  // step(state, i) for all i below `count`, every kSweepThreads-th by the same thread. Returns the threads' states
  // joined pair by pair, to all threads; what was written before is then seen by all.
  template <typename State, typename Step>
  State Reduce(int64_t count, const Step& step) const {
    State states[kSweepThreads];
    for (int64_t first = 0; first < count; first += kSweepThreads) {
      const int64_t end = first + kSweepThreads < count ? first + kSweepThreads : count;
      for (int64_t i = first; i < end; ++i) step(states[i - first], i);
    }
    for (int half = kSweepThreads / 2; half > 0; half /= 2) {
      for (int thread = 0; thread < half && thread + half < count; ++thread) states[thread].Add(states[thread + half]);
    }
    return states[0];
  }

  // step(states, row, column) for all rows of a block's columns in runs, with the states of those from `column` on;
  // finish(column, state) with the states of each column joined, once a column. `columns` is at most kSweepColumns.
  template <typename State, typename Step, typename Finish>
  void ReduceColumns(int64_t rows, int64_t columns, const Step& step, const Finish& finish) const {
    State states[kSweepRows][kSweepColumns];
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t column = 0; column < columns; column += kSweepRun) {
        step(&states[row % kSweepRows][column], row, column);
      }
    }
    FinishParts(states, columns, finish);
  }

  // Reads numbers load(row, column, false) of at most kPatchRows<T> rows and `most_columns` columns once, patch by
  // patch of their columns, and sums up rows and columns of them: take(state, run) with kSweepRun numbers of a row, or
  // of a column, -inf for those that are not there; finish_row(row, state) and finish_column(column, state) with the
  // states of each joined, once each. `differ`: for columns numbers are others, load(row, column, true).
  template <typename T, typename State, typename Load, typename Take, typename FinishRow, typename FinishColumn>
  void ReduceBothWays(int64_t rows, int64_t columns, int64_t most_columns, bool differ, const Load& load,
                      const Take& take, const FinishRow& finish_row, const FinishColumn& finish_column) const {
    constexpr int kRowParts = kSweepThreads / kPatchRows<T>;
    constexpr int kColumnParts = kSweepThreads / kPatchColumns;
    rows = rows < kPatchRows<T> ? rows : kPatchRows<T>;
    columns = columns < most_columns ? columns : most_columns;
    T patch[kPatchRows<T>][kPatchColumns];
    State of_rows[kRowParts][kPatchRows<T>];
    for (int64_t first = 0; first < columns; first += kPatchColumns) {
      const int64_t width = columns - first < kPatchColumns ? columns - first : kPatchColumns;
      const auto fill = [&](bool for_columns) {
        for (int64_t row = 0; row < kPatchRows<T>; ++row) {
          for (int64_t column = 0; column < kPatchColumns; ++column) {
            patch[row][column] = row < rows && column < width ? load(row, first + column, for_columns) : -INFINITY;
          }
        }
      };
      fill(false);
      for (int64_t row = 0; row < rows; ++row) {
        for (int64_t run = 0; run * kSweepRun < width; ++run) {
          take(of_rows[run % kRowParts][row], patch[row] + run * kSweepRun);
        }
      }
      if (differ) fill(true);
      State of_columns[kColumnParts][kPatchColumns];
      for (int64_t run = 0; run * kSweepRun < rows; ++run) {
        for (int64_t column = 0; column < width; ++column) {
          T numbers[kSweepRun];
          for (int k = 0; k < kSweepRun; ++k) numbers[k] = patch[run * kSweepRun + k][column];
          take(of_columns[run % kColumnParts][column], numbers);
        }
      }
      FinishParts(of_columns, width, [&](int64_t column, const State& state) { finish_column(first + column, state); });
    }
    FinishParts(of_rows, rows, finish_row);
  }

  // body(i) for all i below `count`, spread over the threads.
  template <typename Body>
  void ForEach(int64_t count, const Body& body) const {
    for (int64_t i = 0; i < count; ++i) body(i);
  }

  // body() by one thread; what it writes is then seen by all.
  template <typename Body>
  void Once(const Body& body) const {
    body();
  }

 private:
  // The parts of each of `count` states joined pair by pair.
  template <typename State, int kParts, int kMost, typename Finish>
  static void FinishParts(State (&parts)[kParts][kMost], int64_t count, const Finish& finish) {
    for (int64_t i = 0; i < count; ++i) {
      for (int half = kParts / 2; half > 0; half /= 2) {
        for (int part = 0; part < half; ++part) parts[part][i].Add(parts[part + half][i]);
      }
      finish(i, parts[0][i]);
    }
  }
};

// exp(s - maximum), 0 for s = -inf whatever the maximum.
template <typename T>
LOSSD_HOST_DEVICE T ExpBelow(T s, T maximum) {
  return s == -INFINITY ? T{0} : std::exp(s - maximum);
}

// exp(s - maximum) summed over what was added so far. Nothing was: -inf and 0.
template <typename T>
struct RunningSum {
  T maximum = -INFINITY;
  double sum = 0;

  LOSSD_HOST_DEVICE void Add(T s) {
    if (s == -INFINITY) return;
    if (s <= maximum) {
      sum += static_cast<double>(std::exp(s - maximum));
    } else {
      sum = sum * static_cast<double>(std::exp(maximum - s)) + 1;
      maximum = s;
    }
  }
  // kSweepRun numbers, -inf for those that are not there: their exponentials are added up in T first.
  LOSSD_HOST_DEVICE void AddRun(const T* scores) {
    T most = scores[0];
    for (int k = 1; k < kSweepRun; ++k) {
      if (scores[k] > most || scores[k] != scores[k]) most = scores[k];  // A NaN stays.
    }
    if (most == -INFINITY) return;
    if (!(most <= maximum)) {
      sum *= static_cast<double>(std::exp(maximum - most));
      maximum = most;
    }
    T part = 0;
    for (int k = 0; k < kSweepRun; ++k) part += scores[k] == maximum ? T{1} : std::exp(scores[k] - maximum);
    sum += static_cast<double>(part);
  }
  LOSSD_HOST_DEVICE void Add(const RunningSum& other) {
    if (other.sum == 0) return;
    if (other.maximum <= maximum) {
      sum += other.sum * static_cast<double>(std::exp(other.maximum - maximum));
    } else {
      sum = sum * static_cast<double>(std::exp(maximum - other.maximum)) + other.sum;
      maximum = other.maximum;
    }
  }
  LOSSD_HOST_DEVICE double LogSumExp() const { return static_cast<double>(maximum) + std::log(sum); }
};

// A sum as a state.
struct Total {
  double sum = 0;

  LOSSD_HOST_DEVICE void Add(const Total& other) { sum += other.sum; }
};

// log(1 + exp(x)), and 1 / (1 + exp(-x)), which is its derivative.
template <typename T>
LOSSD_HOST_DEVICE T StableSoftplus(T x) {
  return (x > 0 ? x : (x == x ? T{0} : x)) + std::log1p(std::exp(-std::fabs(x)));
}
template <typename T>
LOSSD_HOST_DEVICE T StableSigmoid(T x) {
  return 1 / (1 + std::exp(-x));
}

// The T closest to a number: its largest one where T cannot hold it, rather than an infinity.
template <typename T>
LOSSD_HOST_DEVICE T ClosestFinite(double number) {
  constexpr double kMost = std::is_same_v<T, float> ? 0x1.fffffep127 : 0x1.fffffffffffffp1023;
  if (number > kMost) return static_cast<T>(kMost);
  if (number < -kMost) return static_cast<T>(-kMost);
  return static_cast<T>(number);
}

// A product of numbers of each group. Null stands for ones.
struct GroupProduct {
  const double* factors[4] = {};

  LOSSD_HOST_DEVICE double Of(int64_t group) const {
    double product = 1;
    for (const double* factor : factors) {
      if (factor != nullptr) product = ClosestFinite<double>(product * factor[group]);
    }
    return product;
  }

  // A number times all factors, one after the other.
  LOSSD_HOST_DEVICE double Times(int64_t group, double number) const {
    for (const double* factor : factors) {
      if (factor != nullptr) number *= factor[group];
    }
    return number;
  }
};

// What raw scores of a group are multiplied by: also where T does not hold the product of the factors, but the score.
template <typename T>
class ScoreScale {
 public:
  LOSSD_HOST_DEVICE ScoreScale(const GroupProduct& factors, int64_t group)
      : ScoreScale(factors, group, factors.Times(group, 1)) {}

  LOSSD_HOST_DEVICE T operator*(T raw) const {
    return is_held_ ? product_ * raw : static_cast<T>(factors_.Times(group_, static_cast<double>(raw)));
  }

 private:
  LOSSD_HOST_DEVICE ScoreScale(const GroupProduct& factors, int64_t group, double product)
      : factors_(factors),
        group_(group),
        product_(ClosestFinite<T>(product)),
        is_held_(static_cast<double>(std::fabs(product_)) >= std::fabs(product)) {}

  const GroupProduct& factors_;  // Outlives this.
  const int64_t group_;
  const T product_;
  const bool is_held_;
};

// Calls step(state, i, run, size) for runs of kSweepRun of `count` numbers, i being the first one's place, of which the
// last may be shorter: what is beyond its size is 0. As Reduce.
template <typename State, typename Block, typename T, typename Step>
LOSSD_HOST_DEVICE State ReduceRuns(const Block& threads, const T* numbers, int64_t count, const Step& step) {
  return threads.template Reduce<State>((count + kSweepRun - 1) / kSweepRun, [&](State& state, int64_t index) {
    const int64_t first = index * kSweepRun;
    T run[kSweepRun] = {};
    LoadRun(numbers + first, count - first, run);
    step(state, first, run, static_cast<int>(count - first < kSweepRun ? count - first : kSweepRun));
  });
}

// Where numbers are written, as they are or rounded to bfloat16 (to nearest, ties to even): one of the two is set.
template <typename T>
struct Destination {
  T* wide = nullptr;
  uint16_t* narrow = nullptr;

  LOSSD_HOST_DEVICE void Write(int64_t place, T number) const {
    if (narrow == nullptr) {
      wide[place] = number;
    } else {
      narrow[place] = Rounded(NarrowType::kBFloat16, static_cast<float>(number));
    }
  }
  LOSSD_HOST_DEVICE void WriteRun(int64_t place, const T* run, int count) const {
#ifdef __CUDA_ARCH__
    if constexpr (std::is_same_v<T, float>) {
      if (count == kSweepRun && narrow == nullptr && reinterpret_cast<uintptr_t>(wide + place) % sizeof(float4) == 0) {
        *reinterpret_cast<float4*>(wide + place) = make_float4(run[0], run[1], run[2], run[3]);
        return;
      }
      if (count == kSweepRun && narrow != nullptr && reinterpret_cast<uintptr_t>(narrow + place) % sizeof(uint2) == 0) {
        const auto two = [&](int k) {
          return static_cast<uint32_t>(Rounded(NarrowType::kBFloat16, run[k])) |
                 static_cast<uint32_t>(Rounded(NarrowType::kBFloat16, run[k + 1])) << 16;
        };
        *reinterpret_cast<uint2*>(narrow + place) = make_uint2(two(0), two(2));
        return;
      }
    }
#endif
    for (int k = 0; k < kSweepRun; ++k) {
      if (k < count) Write(place + k, run[k]);
    }
  }
};

// A block of raw scores of all groups: [groups, rows, columns], of which the first row is row `first_row` of the
// problem, and the first column its column `first_column`. The gradient by the scores, times what they are scaled by,
// is written to `gradient`, which may be the scores themselves; to nowhere where it is not wanted.
template <typename T>
struct ScoreBlock {
  const T* scores = nullptr;
  Destination<T> gradient;
  int64_t groups = 0;
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t first_row = 0;
  int64_t all_rows = 0;
  // Scores are this times the raw ones.
  GroupProduct scale;
  int64_t first_column = 0;

  LOSSD_HOST_DEVICE int64_t Place(int64_t group, int64_t row) const { return (group * rows + row) * columns; }
  // Of a row among those of all chunks, which [groups, all_rows] has.
  LOSSD_HOST_DEVICE int64_t RowPlace(int64_t group, int64_t row) const { return group * all_rows + first_row + row; }
  LOSSD_HOST_DEVICE bool wants_gradient() const { return gradient.wide != nullptr || gradient.narrow != nullptr; }
  // Writes slope(c, raw score) as the gradient by column c of the block, of all in a row.
  template <typename Block, typename Slope>
  LOSSD_HOST_DEVICE void WriteRow(const Block& threads, int64_t group, int64_t row, const Slope& slope) const {
    const int64_t place = Place(group, row);
    threads.ForEach((columns + kSweepRun - 1) / kSweepRun, [&](int64_t index) {
      const int64_t first = index * kSweepRun;
      T run[kSweepRun] = {};
      LoadRun(scores + place + first, columns - first, run);
      for (int k = 0; k < kSweepRun; ++k) {
        if (k < columns - first) run[k] = slope(first + k, run[k]);
      }
      gradient.WriteRun(place + first, run,
                        static_cast<int>(columns - first < kSweepRun ? columns - first : kSweepRun));
    });
  }
};

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_SWEEPS_SWEEP_BLOCK_H_
