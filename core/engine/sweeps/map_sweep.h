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

// The terms of a row's own locations: losses, and the sum of the sigmoids.
struct OwnSums {
  double loss = 0;
  double sigmoid = 0;

  LOSSD_HOST_DEVICE void Add(const OwnSums& other) {
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
  const double* loss_weights = nullptr;    // [groups]: of the loss, a mean over own locations of all rows.
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
    const MapSums<T> sums = threads.template Reduce<MapSums<T>>(block.columns, [&](MapSums<T>& state, int64_t c) {
      const T x = Normalized(place + c);
      state.squares += static_cast<double>(x) * static_cast<double>(x);
      if (c < first || c >= first + locations) state.others.Add(Clipped(x));
    });
    const double log_sum = sums.others.LogSumExp();
    const OwnSums own = threads.template Reduce<OwnSums>(locations, [&](OwnSums& state, int64_t l) {
      const double margin = log_sum - static_cast<double>(Clipped(Normalized(place + first + l)));
      state.loss += StableSoftplus(margin);
      state.sigmoid += StableSigmoid(margin);
    });
    threads.Once([&] {
      const int64_t number = group * numbers * block.all_rows + block.first_row + row;
      losses[number] = own.loss;
      squares[number] = sums.squares;
    });
    if (block.wants_gradient()) WriteGradient(threads, group, place, first, sums.others, own.sigmoid);
  }

 private:
  LOSSD_HOST_DEVICE T Normalized(int64_t place) const { return block.scores[place] * static_cast<T>(normalizer); }
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
  LOSSD_HOST_DEVICE void WriteGradient(const Block& threads, int64_t group, int64_t place, int64_t first,
                                       const RunningSum<T>& others, double sigmoid_sum) const {
    const double columns = static_cast<double>(block.columns);  // As many as own locations of all rows.
    const double share = loss_weights[group] * weight_factor * normalizer / columns;
    const T weight = ClosestFinite<T>(share * sigmoid_sum / (others.sum == 0 ? 1 : others.sum));
    const double square_share = 2 * weight_factor * normalizer / (columns * static_cast<double>(block.all_rows));
    const T square = square_weights == nullptr ? T{0} : ClosestFinite<T>(square_weights[group] * square_share);
    const double log_sum = others.LogSumExp();
    threads.ForEach(block.columns, [&](int64_t c) {
      const T x = Normalized(place + c);
      const T s = Clipped(x);
      T slope = 0;
      if (c >= first && c < first + locations) {
        slope = ClosestFinite<T>(-share * StableSigmoid(log_sum - static_cast<double>(s)));
      } else {
        slope = weight * ExpBelow(s, others.maximum);
      }
      slope *= Slope(x);
      block.gradient.Write(place + c, square_weights == nullptr ? slope : slope + square * x);
    });
  }
};

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_SWEEPS_MAP_SWEEP_H_
