// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Runs the rounds of block_pairs.h, and shares out a pair's own work.

#ifndef LOSSD_CORE_ENGINE_BLOCK_ROUNDS_H_
#define LOSSD_CORE_ENGINE_BLOCK_ROUNDS_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "core/engine/block_pairs.h"
#include "core/engine/matrix_view.h"
#include "core/engine/parallel.h"
#include "core/engine/rounding.h"
#include "core/engine/short_sums.h"

namespace lossd {

// Most pairs that are worked on at a time, each with a tile of its own, and so most threads that help.
inline constexpr int64_t kLanes = 64;

// Who works on a pair.
struct Lane {
  int64_t index;          // Below kLanes, and below the most pairs of a round. Of one pair at a time.
  bool has_idle_threads;  // Whether there are more threads than lanes: a pair's own work may be shared out.
};

// Calls `body(pair, lane)` for all pairs of a schedule, those of a round in parallel, a round after the other; for no
// more once `cancelled`, if that is not null. There are some lanes for each thread, so that nobody waits for a slow
// one, and few enough that their tiles stay in cache. Results must not depend on lanes.
template <typename Schedule, typename Body>
void ForRounds(const Schedule& schedule, const std::atomic<bool>* cancelled, Parallel& parallel, const Body& body) {
  for (int64_t round = 0; round < schedule.rounds(); ++round) {
    const int64_t count = schedule.pairs(round);
    const int64_t lanes = std::min({count, kLanes, 4 * parallel.Width()});
    const bool has_idle_threads = parallel.Width() > lanes;
    parallel.For(lanes, [&](int64_t lane) {
      for (int64_t i = lane; i < count; i += lanes) {
        if (cancelled != nullptr && cancelled->load(std::memory_order_relaxed)) return;
        if (const auto pair = schedule.Pair(round, i)) body(*pair, Lane{lane, has_idle_threads});
      }
    });
  }
}

// Calls `body(first, count)` for stripes of a pair's rows that together are all `rows`: at once where a lane is all
// that works on a pair, in parallel where threads are idle. What a row becomes must not depend on its stripe.
template <typename Body>
void ForStripes(Lane lane, Parallel& parallel, int64_t rows, const Body& body) {
  constexpr int64_t kStripe = 64;
  if (!lane.has_idle_threads) return body(0, rows);
  parallel.For(CeilDiv(rows, kStripe), [&](int64_t i) { body(i * kStripe, std::min(kStripe, rows - i * kStripe)); });
}

// c (+)= factor * a b, an m x n product of k terms a sum, in short sums and stripes of its rows.
template <typename T>
void MultiplyInStripes(Lane lane, Parallel& parallel, int64_t m, int64_t n, int64_t k, T factor, MatrixView<T> a,
                       MatrixView<T> b, bool add, T* c, int64_t c_stride) {
  ForStripes(lane, parallel, m, [&](int64_t first, int64_t count) {
    const MatrixView<T> rows = {a.data + first * a.row_stride, a.row_stride, a.column_stride};
    MultiplyInShortSums(count, n, k, kShortSum, factor, rows, b, add, c + first * c_stride, c_stride);
  });
}

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_BLOCK_ROUNDS_H_
