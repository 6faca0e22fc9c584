// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// How a contrast of feature maps is cut into parts that stay in cache and can be computed at the same time, and the
// arrays it works in. All of it depends on the contrast's shape only, so that results do not depend on threads.

#ifndef LOSSD_CORE_ENGINE_CONTRAST_MAPS_CUT_H_
#define LOSSD_CORE_ENGINE_CONTRAST_MAPS_CUT_H_

#include <cstdint>

#include "core/engine/contrast_maps.h"
#include "core/engine/map_products.h"
#include "core/engine/workspace.h"

namespace lossd {

// What the arrays of a contrast, the sources' vectors and their gradient take together at most, as long as those
// vectors leave kLeastMapContrastBytes to the arrays, and the scores of one image with a panel of sources take no more
// than half of that. A size class of the pool.
inline constexpr int64_t kMapContrastBytes = 14 << 20;
inline constexpr int64_t kLeastMapContrastBytes = 4 << 20;
// Scores up to this size are kept along with their slopes: together they stay in the second-level cache.
inline constexpr int64_t kKeptSlopeBytes = 256 << 10;

// Source images, [first, first + columns), whose panels of scores are worked on together.
struct SourceChunk {
  int64_t first;
  int64_t columns;
};

// The parts of a contrast. Scores are those of a chunk of sources with a group of targets at a time, and of each tile
// of the group in turn; groups run at the same time.
struct MapContrastCut {
  int64_t sources;       // B
  int64_t width;         // Of panels.
  int64_t panels;        // Of all sources.
  int64_t chunks;        // Runs of panels, as equal as can be.
  int64_t chunk_panels;  // Of the largest chunk.
  int64_t groups;        // Of target images.
  int64_t group_images;
  int64_t tile_images;
  bool keeps_scores;  // From the sums to the gradient; else they are formed again.
  bool keeps_slopes;  // Likewise e phi'(x).

  SourceChunk Chunk(int64_t i) const;
  Images Group(int64_t i) const;
  // Images whose scores a group has memory for.
  int64_t kept_images() const { return keeps_scores ? group_images : tile_images; }
  int64_t padded_columns() const { return chunk_panels * width; }
};

// T: float or double.
template <typename T>
MapContrastCut CutMapContrast(const MapContrastShape& shape);

// The arrays of a chunk. "Columns" are a chunk's padded columns.
template <typename T>
struct MapContrastArrays {
  T* scores;              // x, then the gradient with respect to x: for each group, panels [kept images, L][columns].
  T* slopes;              // e phi'(x), laid out like the scores. Null: not kept.
  T* positives;           // Scores of positives, then the gradient: panels [L][columns].
  T* partials;            // Of the sources' gradient: for each group but the first, panels [C][columns].
  T* group_maxima;        // [groups, columns]
  T* references;          // m: [columns]
  T* negative_weights;    // [columns]
  double* group_exps;     // [groups, columns]
  double* group_squares;  // [groups, columns]
  double* exp_sums;       // N: [columns]
  double* loss_sums;      // [columns]
  double* sigmoid_sums;   // [columns]
};

// Takes the arrays from `workspace`.
template <typename T>
MapContrastArrays<T> LayOutMapContrast(const MapContrastShape& shape, const MapContrastCut& cut, Workspace& workspace);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_CONTRAST_MAPS_CUT_H_
