// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Feature maps of a stack of groups as contrasts of blocks (core/engine/contrast.h) take them on a device: one source
// vector an image, and all locations of a target map.

#ifndef LOSSD_CORE_LOSSES_ATEN_MAP_CONTRAST_H_
#define LOSSD_CORE_LOSSES_ATEN_MAP_CONTRAST_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "core/engine/contrast.h"
#include "core/losses/aten/group_tensors.h"
#include "core/losses/aten/target.h"

namespace lossd::aten {

// A feature map of all groups, in the form in which its products read it.
struct PackedMap {
  at::Tensor values;    // [G, C, B * L], operands of the target's products.
  at::Tensor gradient;  // [G, C, B * L], of type `type`; undefined where no group wants it.
  int64_t locations = 0;
  at::ScalarType type = at::kFloat;  // float32 or float64: in which it is computed.
};

// Packs [G, B, C, H, W], to be computed in `type`: that of the map, or float64. The gradient starts at zero.
PackedMap PackMap(const at::Tensor& map, at::ScalarType type, bool wanted, const Target& target);

// The gradient as [G, B, C, L].
at::Tensor UnpackGradient(const PackedMap& map, int64_t images);

// One direction of a comparison.
struct MapDirection {
  ContrastProblem problem;
  PackedMap* source = nullptr;  // Not owned. Its gradient and the target's are added to.
  PackedMap* target = nullptr;  // Not owned.
  at::Tensor positions;         // [G, B]: where the source is read, counted over all its images' locations.
  // As ContrastOperands has them (contrast_terms.h).
  at::Tensor loss_weights;
  at::Tensor square_weights;
  int weight_exponent = 0;
  at::Tensor numbers;
};

// Computes one direction. Stops between blocks of rows where all `groups` are cancelled.
void ContrastMaps(const MapDirection& direction, Groups groups, const Target& target);

}  // namespace lossd::aten

#endif  // LOSSD_CORE_LOSSES_ATEN_MAP_CONTRAST_H_
