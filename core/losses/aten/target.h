// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Where the losses of a module compute, and how.

#ifndef LOSSD_CORE_LOSSES_ATEN_TARGET_H_
#define LOSSD_CORE_LOSSES_ATEN_TARGET_H_

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>

#include "core/engine/gemm_precision.h"
#include "core/engine/sweeps/sweeps.h"

namespace lossd::aten {

// Scores of a group that are held at a time on a processor: what its caches hold. On a card what keeps it busy.
inline constexpr int64_t kHostBlockScores = int64_t{1} << 20;

// What the rows of a card's products are cut by, at most.
inline constexpr int64_t kTileRows = 256;

// Scores of a tile, at most: larger ones save less and less of what is read and written for each.
inline constexpr int64_t kMostTileScores = int64_t{1} << 25;

// A part of all rows and columns of scores.
struct Tile {
  int64_t first_row = 0;
  int64_t rows = 0;
  int64_t first_column = 0;
  int64_t columns = 0;
};

struct Target {
  at::Device device = at::kCPU;
  std::shared_ptr<const Sweeps> sweeps = nullptr;  // Not null where the target is used.
  // Scores of a group that are held at a time, unless one row has more.
  int64_t block_scores = kHostBlockScores;
  // How exactly products read their operands (products.h). kTf32 is cards' alone.
  GemmPrecision precision = GemmPrecision::kFloat32;

  // Rows of a block of scores: by the shape of one group alone, for the sake of equal bits in every batch. Where there
  // are more than a block has, whole tiles of products, if it has any.
  int64_t BlockRows(int64_t rows, int64_t columns) const {
    const int64_t room = block_scores / columns;
    return room >= rows ? rows : WholeTiles(room);
  }
  // The first of the tiles of scores where no row needs to be held whole. What is read and written for each tile is its
  // rows and its columns: the closer to a square, the less in all. Twice as wide as high, for the sake of sweeps over
  // columns, a block of threads each few.
  Tile FirstTile(int64_t rows, int64_t columns) const {
    const int64_t room = std::min(block_scores, kMostTileScores);
    if (rows <= room / columns) return {0, rows, 0, columns};
    const int64_t side = WholeTiles(static_cast<int64_t>(std::sqrt(2 * static_cast<double>(room))));
    Tile tile{0, 0, 0, std::min(columns, side)};
    tile.rows = std::min(rows, WholeTiles(room / tile.columns));
    if (tile.rows == rows) tile.columns = std::min(columns, WholeTiles(room / rows));
    return tile;
  }
  // Bytes of `copies` things of a block's size.
  int64_t BlockBytes(int64_t rows, int64_t columns, int64_t copies, int64_t element_bytes) const {
    return BlockRows(rows, columns) * columns * copies * element_bytes;
  }
  // Runs a sweep there, and counts it (operation_counter.h).
  void Run(const Sweep& sweep) const;

 private:
  static int64_t WholeTiles(int64_t room) {
    return room >= kTileRows ? room / kTileRows * kTileRows : std::max<int64_t>(room, 1);
  }
};

// Calls body with a zero of the type that `type`, float32 or float64, is in C++.
template <typename Body>
void ForType(at::ScalarType type, const Body& body) {
  if (type == at::kDouble) {
    body(double{0});
  } else {
    body(float{0});
  }
}

// Where a sweep writes numbers of type T: to a tensor of that type, or of bfloat16.
template <typename T>
Destination<T> DestinationIn(const at::Tensor& tensor) {
  if (tensor.scalar_type() == at::kBFloat16) return {nullptr, static_cast<uint16_t*>(tensor.data_ptr())};
  return {tensor.data_ptr<T>(), nullptr};
}

// Which 16-bit floats a tensor of such has.
inline NarrowType NarrowTypeOf(at::ScalarType type) {
  return type == at::kHalf ? NarrowType::kFloat16 : NarrowType::kBFloat16;
}

inline bool IsNarrow(at::ScalarType type) { return type == at::kHalf || type == at::kBFloat16; }

// The elements of a tensor; null where it is undefined.
template <typename T>
T* ElementsOf(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.data_ptr<T>() : nullptr;
}

}  // namespace lossd::aten

#endif  // LOSSD_CORE_LOSSES_ATEN_TARGET_H_
