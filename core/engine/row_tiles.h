// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// How passes over the rows of matrices are cut into iterations.

#ifndef LOSSD_CORE_ENGINE_ROW_TILES_H_
#define LOSSD_CORE_ENGINE_ROW_TILES_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "core/engine/packed_matrix.h"
#include "core/engine/parallel.h"
#include "core/engine/rounding.h"

namespace lossd {

// Rows [first, first + count) of a matrix.
struct RowTile {
  int64_t first;
  int64_t count;
};

// Most rows of a tile: enough for a product with a packed operand to run at speed, few enough that there are tiles for
// all threads.
inline constexpr int64_t kTileMostRows = 4 * kPanelRows;
// Tiles are a multiple of this, unless there are too few rows: an odd one would be computed while other threads wait.
inline constexpr int64_t kTileMultiple = 4;

inline int64_t PanelsOf(int64_t rows) { return CeilDiv(rows, kPanelRows); }

inline int64_t TilesOf(int64_t rows) {
  const int64_t tiles = CeilDiv(rows, kTileMostRows);
  return std::min(RoundedUp(tiles, kTileMultiple), PanelsOf(rows));
}

// Tile `index` of TilesOf(rows) nearly equal ones, cut where products like it.
inline RowTile TileOf(int64_t rows, int64_t index) {
  const int64_t tiles = TilesOf(rows);
  const int64_t panels = PanelsOf(rows);
  const int64_t first = panels * index / tiles * kPanelRows;
  return {first, std::min(panels * (index + 1) / tiles * kPanelRows, rows) - first};
}

// Calls `body(pass, item)` for each item in [0, items) of each pass, skipping passes whose `cancelled` is set.
template <typename Pass, typename Body>
void ForItems(absl::Span<Pass> passes, int64_t items, Parallel& parallel, const Body& body) {
  parallel.For(static_cast<int64_t>(passes.size()) * items, [&](int64_t i) {
    Pass& pass = passes[static_cast<size_t>(i / items)];
    if (pass.cancelled != nullptr && pass.cancelled->load(std::memory_order_relaxed)) return;
    body(pass, i % items);
  });
}

// Calls `body(pass, tile)` for the tiles of `rows` rows of each pass.
template <typename Pass, typename Body>
void ForTiles(absl::Span<Pass> passes, int64_t rows, Parallel& parallel, const Body& body) {
  ForItems(passes, TilesOf(rows), parallel, [&](Pass& pass, int64_t index) { body(pass, TileOf(rows, index)); });
}

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_ROW_TILES_H_
