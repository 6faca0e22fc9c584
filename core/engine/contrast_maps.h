// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Contrasts whose pairs are blocks (core/engine/contrast.h), on the processor: rows are sources, one vector an image,
// columns all locations of all images of a target map, which is read in place. That is one direction of AMDIM's noise
// contrastive estimation.
//
// With x_bjl = scale <source_b, target_jl> for source image b, target image j and location l, s = c tanh(x / c) and
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

#include "core/engine/contrast.h"
#include "core/engine/gemm_precision.h"
#include "core/engine/panels.h"
#include "core/engine/parallel.h"

namespace lossd {

struct MapContrastCut;  // contrast_maps_cut.h

// Extents of such a contrast.
struct MapContrastShape {
  int64_t images;     // B, at least 1.
  int64_t channels;   // C, at least 1.
  int64_t locations;  // L of a target image, at least 1.
};

inline MapContrastShape MapShapeOf(const ContrastProblem& problem) {
  return {problem.row_count(), problem.width, problem.line};
}

// How the sources' vectors lie in memory: as the columns of a matrix [C, B].
template <typename T>
Panels MapSourcePanels(const MapContrastShape& shape) {
  return {shape.channels, shape.images, PanelWidth<T>(shape.images)};
}

// What a contrast is computed of and where its gradients go. Pointers are not owned; T is float or double.
template <typename T>
struct MapOperands {
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

// Computes a contrast, cut as CutMapContrast<T> says of its shape, in `workspace`, aligned to kBufferAlignment. Returns
// early, with meaningless results, once `cancelled` (may be null) is true. Thread-safe. Same bits whatever `parallel`
// does.
template <typename T>
MapContrastResult ComputeMapContrast(const ContrastProblem& problem, const MapOperands<T>& operands,
                                     const MapContrastCut& cut, std::byte* workspace,
                                     const std::atomic<bool>* cancelled, Parallel& parallel);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_CONTRAST_MAPS_H_
