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
// Side by side where a block works on columns.
inline constexpr int kSweepColumns = 32;
inline constexpr int kSweepRows = kSweepThreads / kSweepColumns;

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

  // step(state, row, column) for all rows of a block's columns; finish(column, state) with the states of each column
  // joined, once a column. `columns` is at most kSweepColumns.
  template <typename State, typename Step, typename Finish>
  void ReduceColumns(int64_t rows, int64_t columns, const Step& step, const Finish& finish) const {
    State states[kSweepRows][kSweepColumns];
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t column = 0; column < columns; ++column) step(states[row % kSweepRows][column], row, column);
    }
    for (int64_t column = 0; column < columns; ++column) {
      for (int half = kSweepRows / 2; half > 0; half /= 2) {
        for (int part = 0; part < half; ++part) states[part][column].Add(states[part + half][column]);
      }
      finish(column, states[0][column]);
    }
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
};

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
};

// A block of raw scores of all groups: [groups, rows, columns], of which the first row is row `first_row` of the
// problem. The gradient by the scores, times what they are scaled by, is written to `gradient`, which may be the scores
// themselves; to nowhere where it is not wanted.
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

  LOSSD_HOST_DEVICE int64_t Place(int64_t group, int64_t row) const { return (group * rows + row) * columns; }
  // Of a row among those of all chunks, which [groups, all_rows] has.
  LOSSD_HOST_DEVICE int64_t RowPlace(int64_t group, int64_t row) const { return group * all_rows + first_row + row; }
  LOSSD_HOST_DEVICE bool wants_gradient() const { return gradient.wide != nullptr || gradient.narrow != nullptr; }
};

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_SWEEPS_SWEEP_BLOCK_H_
