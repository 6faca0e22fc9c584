// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Which maps are compared, and at which position each source map is read: explicit, or drawn as the reference draws.

#ifndef LOSSD_CORE_LOSSES_SOURCE_SAMPLING_H_
#define LOSSD_CORE_LOSSES_SOURCE_SAMPLING_H_

#include <array>
#include <cstdint>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "core/losses/comparisons.h"
#include "core/losses/loss_config.h"

namespace lossd {

// The two views. In direction d the source is of side d and the target of the other.
enum Side { kAnchor = 0, kPositive = 1 };

// What there is to sample from.
struct SamplingSpace {
  std::vector<Comparison> comparisons;            // K of them.
  int directions = 2;                             // 2 if bidirectional, else 1.
  int64_t images = 0;                             // B
  std::array<std::vector<int32_t>, 2> locations;  // By side: H * W of each map.
  bool share_source_samples = false;
};

// Checks all that can be wrong with `sampling`, with InvalidField. Indices of comparisons are known to be in range.
absl::Status CheckSampling(const SamplingSpace& space, const Sampling& sampling);

// Resolves comparisons into `comparisons` [K, 2] and positions into `positions` [K, directions, B]. Draws in the
// reference's order: for each comparison numpy's index of the anchor and of the positive where they are `r`, then
// torch's positions of direction 0 and of direction 1. With share_source_samples only a map's first use as a source
// draws. Without a seed, a seed comes from the system's entropy. Precondition: CheckSampling was OK.
void ResolveSampling(const SamplingSpace& space, const Sampling& sampling, int32_t* comparisons, int32_t* positions);

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_SOURCE_SAMPLING_H_
