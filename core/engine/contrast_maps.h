// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// One direction of AMDIM's noise contrastive estimation between feature maps: scores, loss, gradients.
//
// With x_bjl = <source_b, target_jl> / sqrt(C) for source image b, target image j and location l, s = c tanh(x / c) and
// N_b = sum over j != b and l of exp(s_bjl):
//   loss        = mean over b, l of log(exp(s_bbl) + N_b) - s_bbl
//   mean square = mean over b, j, l of x_bjl^2
// The gradient is that of loss_weight * loss + square_weight * mean square. Sources b are handled in chunks whose
// scores are kept in cache from the sums to the gradient, or formed twice where they are too many.

#ifndef LOSSD_CORE_ENGINE_CONTRAST_MAPS_H_
#define LOSSD_CORE_ENGINE_CONTRAST_MAPS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/engine/gemm_precision.h"
#include "core/engine/panels.h"
#include "core/engine/parallel.h"

namespace lossd {

struct MapContrastCut;  // contrast_maps_cut.h

// Extents of a contrast of maps.
struct MapContrastShape {
  int64_t images;     // B, at least 1.
  int64_t channels;   // C, at least 1.
  int64_t locations;  // L of a target image, at least 1.
};

// How the sources' vectors lie in memory: as the columns of a matrix [C, B].
template <typename T>
Panels MapSourcePanels(const MapContrastShape& shape) {
  return {shape.channels, shape.images, PanelWidth<T>(shape.images)};
}

// Whether a contrast of this shape is faster where bfloat16 products are (gemm_precision.h): with fewer images,
// rounding takes longer than it saves.
inline bool GainsFromBf16(const MapContrastShape& shape) { return shape.images >= 128; }

// What to compute. Pointers are not owned; T is float or double.
template <typename T>
struct MapContrast {
  MapContrastShape shape;
  double clip;       // c > 0; +inf: no clip.
  const T* sources;  // One vector of each source image: MapSourcePanels, 0 in the columns behind the last.
  const T* targets;  // [B, C, L]
  double loss_weight = 0;
  double square_weight = 0;
  T* source_gradient = nullptr;    // In panels like the sources, overwritten. Null: not wanted.
  T* target_gradient = nullptr;    // [B, C, L]. Null: not wanted.
  bool accumulate_target = false;  // Whether the target's gradient is added to what is there, or overwrites it.
  GemmPrecision precision = GemmPrecision::kFloat32;  // Of products of floats.
};

struct MapContrastResult {
  double loss = 0;
  double mean_square = 0;
};

// Bytes of workspace that a contrast of this shape needs, cut so.
template <typename T>
int64_t MapContrastWorkspaceBytes(const MapContrastShape& shape, const MapContrastCut& cut);

// Computes one direction, cut as CutMapContrast<T>(contrast.shape) says, in `workspace`, aligned to kBufferAlignment.
// Returns early, with meaningless results, once `cancelled` (may be null) is true. Thread-safe. Same bits whatever
// `parallel` does.
template <typename T>
MapContrastResult ComputeMapContrast(const MapContrast<T>& contrast, const MapContrastCut& cut, std::byte* workspace,
                                     const std::atomic<bool>* cancelled, Parallel& parallel);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_CONTRAST_MAPS_H_
