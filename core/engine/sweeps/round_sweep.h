// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The sweep that rounds a result to 16 bits where it was computed, so that half as much leaves a device.

#ifndef LOSSD_CORE_ENGINE_SWEEPS_ROUND_SWEEP_H_
#define LOSSD_CORE_ENGINE_SWEEPS_ROUND_SWEEP_H_

#include <cstdint>

#include "core/engine/sweeps/narrow_numbers.h"
#include "core/engine/sweeps/sweep_block.h"

namespace lossd {

// What a sweep over a result has seen: the sum of squares before rounding, and how many numbers are not finite after.
struct RoundedSums {
  double squares = 0;
  double not_finite = 0;

  LOSSD_HOST_DEVICE void Add(const RoundedSums& other) {
    squares += other.squares;
    not_finite += other.not_finite;
  }
};

// kNumbers numbers of a group: rounds them, and says what it has seen of them. Doubles are rounded to float32 first, as
// the gradient that would leave without this is.
template <typename T>
struct RoundSweep {
  static constexpr int64_t kNumbers = 16 * int64_t{kSweepThreads};

  const T* numbers = nullptr;
  int64_t group_stride = 0;  // From a group's numbers to the next one's.
  uint16_t* rounded = nullptr;
  int64_t rounded_stride = 0;
  NarrowType type = NarrowType::kBFloat16;
  int64_t group_count = 0;
  int64_t count = 0;            // Of a group.
  RoundedSums* seen = nullptr;  // [groups, units]

  LOSSD_HOST_DEVICE int64_t units() const { return (count + kNumbers - 1) / kNumbers; }
  int64_t groups() const { return group_count; }

  template <typename Block>
  LOSSD_HOST_DEVICE void operator()(const Block& threads, int64_t group, int64_t unit) const {
    const int64_t first = unit * kNumbers;
    const int64_t left = count - first;
    const T* const from = numbers + group * group_stride + first;
    uint16_t* const to = rounded + group * rounded_stride + first;
    const RoundedSums sums =
        threads.template Reduce<RoundedSums>(left < kNumbers ? left : kNumbers, [&](RoundedSums& state, int64_t i) {
          const float number = static_cast<float>(from[i]);
          to[i] = Rounded(type, number);
          state.squares += static_cast<double>(number) * static_cast<double>(number);
          state.not_finite += IsFiniteNarrow(type, to[i]) ? 0 : 1;
        });
    threads.Once([&] { seen[group * units() + unit] = sums; });
  }
};

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_SWEEPS_ROUND_SWEEP_H_
