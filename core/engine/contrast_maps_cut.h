// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// How a contrast of feature maps is cut into parts that stay in cache and can be computed at the same time, and the
// arrays it works in. All of it depends on the contrast's shape only, so that results do not depend on threads.

#ifndef LOSSD_CORE_ENGINE_CONTRAST_MAPS_CUT_H_
#define LOSSD_CORE_ENGINE_CONTRAST_MAPS_CUT_H_

#include <cstdint>

#include "core/engine/contrast_maps.h"
#include "core/engine/workspace.h"

namespace lossd {

// The parts of a contrast.
struct MapContrastCut {
  int64_t chunk_rows;   // Rows b of a chunk.
  int64_t tile_images;  // Images j of a tile.
  int64_t tiles;
  int64_t groups;          // Of targets, for the sources' gradient.
  int64_t group_images;    // Images j of a group.
  int64_t block_channels;  // Channels of a block, for the sources' gradient.
  int64_t blocks;
  bool packs_sources;
};

// T: float or double.
template <typename T>
MapContrastCut CutMapContrast(const MapContrastShape& shape);

// The arrays of a chunk.
template <typename T>
struct MapContrastArrays {
  T* scores;          // x, then the gradient with respect to x: [chunk rows, B L]
  T* packed_sources;  // For the scores; and transposed, for the targets' gradient.
  T* packed_transposed;
  T* partials;           // Of the sources' gradient: [groups, chunk rows, C], unless there is one group only.
  T* tile_maxima;        // [tiles, chunk rows]
  T* references;         // m: [chunk rows]
  T* negative_weights;   // [chunk rows]
  double* tile_exps;     // [tiles, chunk rows]
  double* tile_squares;  // [tiles, chunk rows]
  double* exp_sums;      // N: [chunk rows]
  double* loss_sums;     // [chunk rows]
  double* sigmoid_sums;  // [chunk rows]
};

// Takes the arrays from `workspace`.
template <typename T>
MapContrastArrays<T> LayOutMapContrast(const MapContrastShape& shape, const MapContrastCut& cut, Workspace& workspace);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_CONTRAST_MAPS_CUT_H_
