// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast_maps_cut.h"

#include <algorithm>

#include "core/engine/panels.h"
#include "core/engine/rounding.h"

namespace lossd {
namespace {

// Groups of targets: at most so many, which is how many threads can help, each with enough rows of scores to do; fewer,
// if all sources make one chunk then, because with each chunk all targets are read again.
constexpr int64_t kMostGroups = 8;
constexpr int64_t kLeastGroups = 4;
constexpr int64_t kLeastGroupRows = 512;
// Rows of scores of a tile: many against the columns of a panel of a product, and few enough to stay in cache.
constexpr int64_t kMostTileRows = 512;

// Memory that one more panel of a chunk takes.
template <typename T>
int64_t BytesOfPanel(const MapContrastShape& shape, const MapContrastCut& cut) {
  const int64_t scores = cut.groups * cut.kept_images() * shape.locations;
  const int64_t others = shape.locations + (cut.groups - 1) * shape.channels + 8 * (cut.groups + 4);
  return static_cast<int64_t>(sizeof(T)) * cut.width * (scores + others);
}

template <typename T>
int64_t ScoreBytes(const MapContrastShape& shape, const MapContrastCut& cut) {
  return static_cast<int64_t>(sizeof(T)) * cut.groups * cut.kept_images() * shape.locations * cut.padded_columns();
}

// What there is for the arrays.
template <typename T>
int64_t ArrayBytes(const MapContrastShape& shape) {
  const int64_t vectors = static_cast<int64_t>(sizeof(T)) * MapSourcePanels<T>(shape).size();
  return std::max(kMapContrastBytes - 2 * vectors, kLeastMapContrastBytes);
}

// Cuts targets into groups of tiles and sources into chunks as large as memory allows.
template <typename T>
MapContrastCut CutIntoGroups(const MapContrastShape& shape, int64_t groups, int64_t most_images) {
  MapContrastCut cut;
  cut.sources = shape.images;
  cut.width = PanelWidth<T>(shape.images);
  cut.panels = CeilDiv(shape.images, cut.width);
  cut.group_images = CeilDiv(shape.images, groups);
  cut.groups = CeilDiv(shape.images, cut.group_images);
  cut.tile_images = CeilDiv(cut.group_images, CeilDiv(cut.group_images, most_images));
  cut.keeps_scores = true;
  const int64_t bytes = ArrayBytes<T>(shape);
  cut.keeps_scores = std::min<int64_t>(cut.panels, 2) * BytesOfPanel<T>(shape, cut) <= bytes;
  const int64_t most_panels = std::clamp(bytes / BytesOfPanel<T>(shape, cut), int64_t{1}, cut.panels);
  cut.chunks = CeilDiv(cut.panels, most_panels);
  cut.chunk_panels = CeilDiv(cut.panels, cut.chunks);
  cut.keeps_slopes = cut.keeps_scores && ScoreBytes<T>(shape, cut) <= kKeptSlopeBytes;
  return cut;
}

}  // namespace

SourceChunk MapContrastCut::Chunk(int64_t i) const {
  const int64_t first = panels * i / chunks * width;
  return {first, std::min(panels * (i + 1) / chunks * width, sources) - first};
}

Images MapContrastCut::Group(int64_t i) const { return {i * group_images, std::min((i + 1) * group_images, sources)}; }

template <typename T>
MapContrastCut CutMapContrast(const MapContrastShape& shape) {
  const int64_t most_images = std::clamp(kMostTileRows / shape.locations, int64_t{1}, shape.images);
  const int64_t tile_bytes =
      static_cast<int64_t>(sizeof(T)) * PanelWidth<T>(shape.images) * most_images * shape.locations;
  const int64_t most =
      std::clamp(ArrayBytes<T>(shape) / 2 / tile_bytes, int64_t{1}, std::min(kMostGroups, shape.images));
  const int64_t groups = std::clamp(shape.images * shape.locations / kLeastGroupRows, int64_t{1}, most);
  const MapContrastCut cut = CutIntoGroups<T>(shape, groups, most_images);
  if (cut.chunks == 1 || groups <= kLeastGroups) return cut;
  const MapContrastCut coarse = CutIntoGroups<T>(shape, kLeastGroups, most_images);
  return coarse.chunks == 1 ? coarse : cut;
}

template <typename T>
MapContrastArrays<T> LayOutMapContrast(const MapContrastShape& shape, const MapContrastCut& cut, Workspace& workspace) {
  const int64_t columns = cut.padded_columns();
  MapContrastArrays<T> arrays;
  const int64_t scores = cut.groups * cut.kept_images() * shape.locations * columns;
  arrays.scores = workspace.Take<T>(scores);
  arrays.slopes = cut.keeps_slopes ? workspace.Take<T>(scores) : nullptr;
  arrays.positives = workspace.Take<T>(shape.locations * columns);
  arrays.partials = workspace.Take<T>((cut.groups - 1) * shape.channels * columns);
  arrays.group_maxima = workspace.Take<T>(cut.groups * columns);
  arrays.references = workspace.Take<T>(columns);
  arrays.negative_weights = workspace.Take<T>(columns);
  arrays.group_exps = workspace.Take<double>(cut.groups * columns);
  arrays.group_squares = workspace.Take<double>(cut.groups * columns);
  arrays.exp_sums = workspace.Take<double>(columns);
  arrays.loss_sums = workspace.Take<double>(columns);
  arrays.sigmoid_sums = workspace.Take<double>(columns);
  return arrays;
}

template MapContrastCut CutMapContrast<float>(const MapContrastShape& shape);
template MapContrastCut CutMapContrast<double>(const MapContrastShape& shape);
template MapContrastArrays<float> LayOutMapContrast(const MapContrastShape& shape, const MapContrastCut& cut,
                                                    Workspace& workspace);
template MapContrastArrays<double> LayOutMapContrast(const MapContrastShape& shape, const MapContrastCut& cut,
                                                     Workspace& workspace);

}  // namespace lossd
