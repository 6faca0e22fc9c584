// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast_maps_cut.h"

#include <algorithm>

#include "core/engine/packed_matrix.h"

namespace lossd {
namespace {

// Scores of a chunk: what the last-level cache can hold beside the operands.
constexpr int64_t kChunkBytes = 14 << 20;
// Columns of a tile: its scores stay in the second-level cache between the product and the sweep.
constexpr int64_t kLeastTileColumns = 384;
constexpr int64_t kMostTileColumns = 1024;
// Sources are packed once a chunk, for all its tiles, where that takes no more than this.
constexpr int64_t kPackedBytes = 2 << 20;
// The sources' gradient is summed in groups of targets, as many as the partial sums may take memory and each of them
// large enough, times blocks of channels: up to kLeastParts parts in all.
constexpr int64_t kPartialBytes = 4 << 20;
constexpr int64_t kLeastGroupColumns = 1024;
constexpr int64_t kLeastBlockChannels = 128;
constexpr int64_t kLeastParts = 8;

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The number of images that fills panels of the product best.
int64_t TileImages(const MapContrastShape& shape) {
  const int64_t least = std::clamp(CeilDiv(kLeastTileColumns, shape.locations), int64_t{1}, shape.images);
  const int64_t most = std::clamp(kMostTileColumns / shape.locations, least, shape.images);
  if (most == shape.images) return most;
  int64_t best = least;
  const auto waste = [&](int64_t images) {  // Share of the last panel's columns that are empty.
    const int64_t columns = images * shape.locations;
    return static_cast<double>(CeilDiv(columns, kPanelColumns) * kPanelColumns) / static_cast<double>(columns);
  };
  for (int64_t images = least + 1; images <= most; ++images) {
    if (waste(images) < waste(best)) best = images;
  }
  return best;
}

}  // namespace

template <typename T>
MapContrastCut CutMapContrast(const MapContrastShape& shape) {
  constexpr int64_t kSize = static_cast<int64_t>(sizeof(T));
  MapContrastCut cut;
  const int64_t row_columns = shape.images * shape.locations;
  const int64_t most_rows = std::clamp(kChunkBytes / (kSize * row_columns), int64_t{1}, shape.images);
  cut.chunk_rows = CeilDiv(shape.images, CeilDiv(shape.images, most_rows));
  cut.tile_images = TileImages(shape);
  cut.tiles = CeilDiv(shape.images, cut.tile_images);
  const int64_t source_bytes = kSize * cut.chunk_rows * shape.channels;
  cut.packs_sources = cut.tiles > 1 && source_bytes <= kPackedBytes;
  const int64_t most_groups = std::min(row_columns / kLeastGroupColumns, shape.images);
  const int64_t groups = std::clamp(std::min(kPartialBytes / source_bytes, most_groups), int64_t{1}, kLeastParts);
  cut.group_images = CeilDiv(shape.images, groups);
  cut.groups = CeilDiv(shape.images, cut.group_images);
  const int64_t blocks = std::clamp(shape.channels / kLeastBlockChannels, int64_t{1}, CeilDiv(kLeastParts, groups));
  cut.block_channels = CeilDiv(shape.channels, blocks);
  cut.blocks = CeilDiv(shape.channels, cut.block_channels);
  return cut;
}

template <typename T>
MapContrastArrays<T> LayOutMapContrast(const MapContrastShape& shape, const MapContrastCut& cut, Workspace& workspace) {
  const int64_t rows = cut.chunk_rows;
  MapContrastArrays<T> arrays;
  arrays.scores = workspace.Take<T>(rows * shape.images * shape.locations);
  arrays.packed_sources = workspace.Take<T>(cut.packs_sources ? PackedRowsSize(rows, shape.channels) : 0);
  arrays.packed_transposed = workspace.Take<T>(cut.packs_sources ? PackedRowsSize(shape.channels, rows) : 0);
  arrays.partials = workspace.Take<T>(cut.groups > 1 ? cut.groups * rows * shape.channels : 0);
  arrays.tile_maxima = workspace.Take<T>(cut.tiles * rows);
  arrays.references = workspace.Take<T>(rows);
  arrays.negative_weights = workspace.Take<T>(rows);
  arrays.tile_exps = workspace.Take<double>(cut.tiles * rows);
  arrays.tile_squares = workspace.Take<double>(cut.tiles * rows);
  arrays.exp_sums = workspace.Take<double>(rows);
  arrays.loss_sums = workspace.Take<double>(rows);
  arrays.sigmoid_sums = workspace.Take<double>(rows);
  return arrays;
}

template MapContrastCut CutMapContrast<float>(const MapContrastShape& shape);
template MapContrastCut CutMapContrast<double>(const MapContrastShape& shape);
template MapContrastArrays<float> LayOutMapContrast(const MapContrastShape& shape, const MapContrastCut& cut,
                                                    Workspace& workspace);
template MapContrastArrays<double> LayOutMapContrast(const MapContrastShape& shape, const MapContrastCut& cut,
                                                     Workspace& workspace);

}  // namespace lossd
