// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Products of a contrast of feature maps that read the maps where they lie: nothing of their size is packed. Scores
// have a row for each location of each target image and a column for each source image, so that the locations of an
// image, whose number no vector divides, need not fill vectors. Elements are summed as by Gemm, in runs of whole images
// or of channels; scores in runs of at most kShortSum channels (short_sums.h). All functions are thread-safe and run on
// the calling thread.

#ifndef LOSSD_CORE_ENGINE_MAP_PRODUCTS_H_
#define LOSSD_CORE_ENGINE_MAP_PRODUCTS_H_

#include <cstdint>

#include "core/engine/gemm_precision.h"
#include "core/engine/panels.h"

namespace lossd {

// Target images, [first, last).
struct Images {
  int64_t first;
  int64_t last;
};

// What a product takes in; matrices with a column for each source image are in panels of `width`, their columns behind
// the last one are multiplied like the others.
template <typename T>
struct MapProduct {
  const T* targets;   // [images, channels, locations] in C order.
  int64_t channels;   // C
  int64_t locations;  // L
  Images images;      // Which of the targets.
  int64_t columns;    // Source images.
  int64_t width;
  T alpha;
  GemmPrecision precision = GemmPrecision::kFloat32;

  // Of which channels FormSourceGradient forms the gradient, from the first one on; all if `channel_count` is 0. With
  // kBf16 all of them are formed.
  int64_t first_channel = 0;
  int64_t channel_count = 0;

  int64_t rows() const { return (images.last - images.first) * locations; }
  Panels sources() const { return {channels, columns, width}; }
};

// scores = alpha * targets^T sources, the first of the product's rows in row 0. `scores` lie in panels of
// `panel_size` elements, at least those of the rows.
void FormMapScores(const MapProduct<float>& product, const float* sources, int64_t panel_size, float* scores);
void FormMapScores(const MapProduct<double>& product, const double* sources, int64_t panel_size, double* scores);

// source_gradient (+)= alpha * targets scores: in panels like the sources, scores as above.
void FormSourceGradient(const MapProduct<float>& product, const float* scores, int64_t panel_size, bool accumulate,
                        float* source_gradient);
void FormSourceGradient(const MapProduct<double>& product, const double* scores, int64_t panel_size, bool accumulate,
                        double* source_gradient);

// target_gradient (+)= alpha * sources scores^T: laid out like the targets, of which those of `images` are written.
void FormTargetGradient(const MapProduct<float>& product, const float* sources, const float* scores, int64_t panel_size,
                        bool accumulate, float* target_gradient);
void FormTargetGradient(const MapProduct<double>& product, const double* sources, const double* scores,
                        int64_t panel_size, bool accumulate, double* target_gradient);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_MAP_PRODUCTS_H_
