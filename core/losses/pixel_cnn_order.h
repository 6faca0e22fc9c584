// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Turns the inner positions of a PixelCNN's maps from column order [x][r][b] into row order [r][x][b] and back.

#ifndef LOSSD_CORE_LOSSES_PIXEL_CNN_ORDER_H_
#define LOSSD_CORE_LOSSES_PIXEL_CNN_ORDER_H_

#include <algorithm>
#include <cstdint>

#include "core/losses/pixel_cnn.h"
#include "core/losses/position_tiles.h"

namespace lossd {

// Cuts a tile of a map in order [outer][inner][b] into runs that stay together in order [inner][outer][b], and calls
// `body(position, count, other)` for each: `count` positions from `position` on lie from `other` on there.
template <typename Body>
void ForTransposedRuns(int64_t outer, int64_t inner, int64_t batch, PositionTile tile, const Body& body) {
  const int64_t end = tile.first + tile.count;
  for (int64_t position = tile.first; position < end;) {
    const int64_t group = position / batch;
    const int64_t count = std::min((group + 1) * batch, end) - position;
    body(position, count, (group % inner * outer + group / inner) * batch + position % batch);
    position += count;
  }
}

// `body(position, count, in_row_order)` over a tile in column order.
template <typename Body>
void ForRunsOfColumnOrder(const PixelCnnShape& shape, PositionTile tile, const Body& body) {
  ForTransposedRuns(shape.width - 2, shape.rows(), shape.batch, tile, body);
}

// `body(position, count, in_column_order)` over a tile in row order.
template <typename Body>
void ForRunsOfRowOrder(const PixelCnnShape& shape, PositionTile tile, const Body& body) {
  ForTransposedRuns(shape.rows(), shape.width - 2, shape.batch, tile, body);
}

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_PIXEL_CNN_ORDER_H_
