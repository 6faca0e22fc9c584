// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The sweep of AMDIM's contrast: a row is a source vector, its pairs are all locations of its own image, and scores are
// clipped (core/losses/aten/map_contrast.h).

#ifndef LOSSD_CORE_ENGINE_SWEEPS_MAP_SWEEP_H_
#define LOSSD_CORE_ENGINE_SWEEPS_MAP_SWEEP_H_

#include <cstdint>

#include "core/engine/sweeps/sweep_block.h"

namespace lossd {

// Squares of all scores before the clip, and the exponentials of those of other images.
template <typename T>
struct MapSums {
  RunningSum<T> others;
  double squares = 0;

  LOSSD_HOST_DEVICE void Add(const MapSums& other) {
    others.Add(other.others);
    squares += other.squares;
  }
};

// The terms of a row's pairs, the locations of its own image: losses, and the sum of the sigmoids.
struct MapPairSums {
  double loss = 0;
  double sigmoid = 0;

  LOSSD_HOST_DEVICE void Add(const MapPairSums& other) {
    loss += other.loss;
    sigmoid += other.sigmoid;
  }
};

// One row: with x = normalizer times the raw score and s = clip tanh(x / clip), the sums over its own locations of
// softplus(n - s), n the log-sum-exp over other images', and over all of x^2, and the gradient by the raw scores.
template <typename T>
struct MapSweep {
  ScoreBlock<T> block;    // Without a scale.
  int64_t locations = 1;  // Of an image: columns [i * locations, (i + 1) * locations) are row i's own.
  double normalizer = 1;
  double clip = 0;                         // 0: none.
  const double* loss_weights = nullptr;    // [groups]: of the loss, a mean over the pairs of all rows.
  const double* square_weights = nullptr;  // [groups]: of the mean over all x^2; null where that is no part.
  double* losses = nullptr;                // [groups, numbers, all rows], at this row of numbers.
  double* squares = nullptr;               // Likewise.
  int64_t numbers = 1;
  double weight_factor = 1;  // Of both weights.

  int64_t units() const { return block.rows; }
  int64_t groups() const { return block.groups; }

  template <typename Block>
  LOSSD_HOST_DEVICE void operator()(const Block& threads, int64_t group, int64_t row) const {
    const int64_t place = block.Place(group, row);
    const int64_t first = (block.first_row + row) * locations;
    const auto sums = ReduceRuns<MapSums<T>>(
        threads, block.scores + place, block.columns, [&](MapSums<T>& state, int64_t begin, T* run, int size) {
          for (int k = 0; k < kSweepRun; ++k) {
            const T x = Normalized(run[k]);
            state.squares += static_cast<double>(x) * static_cast<double>(x);
            run[k] = k < size && !IsPair(begin + k, first) ? Clipped(x) : -INFINITY;
          }
          state.others.AddRun(run);
        });
    const double log_sum = sums.others.LogSumExp();
    const auto pairs = threads.template Reduce<MapPairSums>(locations, [&](MapPairSums& state, int64_t l) {
      const T x = Normalized(block.scores[place + first + l]);
      const double margin = log_sum - static_cast<double>(Clipped(x));
      state.loss += StableSoftplus(margin);
      state.sigmoid += StableSigmoid(margin);
    });
    threads.Once([&] {
      const int64_t number = group * numbers * block.all_rows + block.first_row + row;
      losses[number] = pairs.loss;
      squares[number] = sums.squares;
    });
    if (block.wants_gradient()) WriteGradient(threads, group, row, first, sums.others, pairs.sigmoid);
  }

 private:
  LOSSD_HOST_DEVICE T Normalized(T raw) const { return raw * static_cast<T>(normalizer); }
  // Whether a column is among the locations from `first` on.
  LOSSD_HOST_DEVICE bool IsPair(int64_t c, int64_t first) const { return c >= first && c < first + locations; }
  LOSSD_HOST_DEVICE T Clipped(T x) const {
    return clip == 0 ? x : std::tanh(x / static_cast<T>(clip)) * static_cast<T>(clip);
  }
  // ds / dx = 4 e / (1 + e)^2 with e = exp(-2 |x / clip|): exact where tanh saturates.
  LOSSD_HOST_DEVICE T Slope(T x) const {
    if (clip == 0) return 1;
    const T e = std::exp(-2 * std::fabs(x / static_cast<T>(clip)));
    return 4 * e / ((1 + e) * (1 + e));
  }

  template <typename Block>
  LOSSD_HOST_DEVICE void WriteGradient(const Block& threads, int64_t group, int64_t row, int64_t first,
                                       const RunningSum<T>& others, double sigmoid_sum) const {
    const double columns = static_cast<double>(block.columns);  // As many as pairs of all rows.
    const double share = loss_weights[group] * weight_factor * normalizer / columns;
    const T weight = ClosestFinite<T>(share * sigmoid_sum / (others.sum == 0 ? 1 : others.sum));
    const double square_share = 2 * weight_factor * normalizer / (columns * static_cast<double>(block.all_rows));
    const T square = square_weights == nullptr ? T{0} : ClosestFinite<T>(square_weights[group] * square_share);
    const double log_sum = others.LogSumExp();
    block.WriteRow(threads, group, row, [&](int64_t c, T raw) -> T {
      const T x = Normalized(raw);
      const T s = Clipped(x);
      T slope = 0;
      if (IsPair(c, first)) {
        slope = ClosestFinite<T>(-share * StableSigmoid(log_sum - static_cast<double>(s)));
      } else {
        slope = weight * ExpBelow(s, others.maximum);
      }
      slope *= Slope(x);
      return square_weights == nullptr ? slope : slope + square * x;
    });
  }
};

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_SWEEPS_MAP_SWEEP_H_
