// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Where the inner columns of a PixelCNN's maps lie, w - 2 neighbouring ones of w: as rows of a matrix they come in
// blocks, one a row of the map. Inner position (r, x, b), x < w - 2, is position (r, x + column, b) of a map of all
// columns.

#ifndef LOSSD_CORE_LOSSES_CPC_PIXEL_CNN_COLUMNS_H_
#define LOSSD_CORE_LOSSES_CPC_PIXEL_CNN_COLUMNS_H_

#include <algorithm>
#include <cstdint>

#include "core/engine/matrix_run.h"
#include "core/engine/matrix_view.h"
#include "core/engine/row_tiles.h"
#include "core/losses/cpc/pixel_cnn.h"

namespace lossd {

// The inner positions from `first` on as rows of `channels` elements.
struct InnerRows {
  InnerRows(const PixelCnnShape& shape, int64_t channels, int64_t column, int64_t first)
      : begin((first / shape.row() * shape.full_row() + column * shape.batch) * channels),
        rows{channels, shape.row(), shape.full_row() * channels, first % shape.row()} {}

  int64_t begin;  // Elements from the begin of the map to that of the rows.
  Axis rows;
};

// The inner positions from `first` on of a map [positions, channels], to be read.
template <typename T>
BlockedView<T> InnerColumns(const PixelCnnShape& shape, const T* map, int64_t channels, int64_t column,
                            int64_t first = 0) {
  const InnerRows inner(shape, channels, column, first);
  return {map + inner.begin, inner.rows, Axis{1}};
}

// To be written.
template <typename T>
BlockedResult<T> InnerColumnsResult(const PixelCnnShape& shape, T* map, int64_t channels, int64_t column,
                                    int64_t first) {
  const InnerRows inner(shape, channels, column, first);
  return {map + inner.begin, inner.rows, Axis{1}};
}

// Calls `body(position, count)` for the runs of neighbouring positions of the map that a tile of inner positions is.
template <typename Body>
void ForInnerRuns(const PixelCnnShape& shape, int64_t column, RowTile tile, const Body& body) {
  const InnerRows inner(shape, 1, column, tile.first);
  for (int64_t done = 0; done < tile.count;) {
    const MatrixRun run = RunAt(inner.rows, done, tile.count - done);
    body(inner.begin + run.offset, run.length);
    done += run.length;
  }
}

// The inner positions that lie in a tile of the map.
inline RowTile InnerTile(const PixelCnnShape& shape, int64_t column, RowTile tile) {
  const auto before = [&](int64_t position) {
    const int64_t within = position % shape.full_row() - column * shape.batch;
    return position / shape.full_row() * shape.row() + std::clamp(within, int64_t{0}, shape.row());
  };
  const int64_t first = before(tile.first);
  return {first, before(tile.first + tile.count) - first};
}

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_CPC_PIXEL_CNN_COLUMNS_H_
