// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// AMDIM's contrast of one source vector an image with all locations of a target map, for a stack of groups. With
// x_bjl = <source_b, target_jl> / sqrt(C), s = clip tanh(x / clip) and n_b = log-sum-exp over j != b, l of s_bjl:
//   mean_loss   = mean_bl softplus(n_b - s_bbl)
//   mean_square = mean_bjl x^2
// The gradient with respect to s, with sig_bl = sigmoid(n_b - s_bbl) / (B L):
//   exp(s_bjl - n_b) sum_l sig_bl  for j != b,   -sig_bl for j = b

#ifndef LOSSD_CORE_LOSSES_ATEN_MAP_CONTRAST_H_
#define LOSSD_CORE_LOSSES_ATEN_MAP_CONTRAST_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

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
struct MapMeeting {
  PackedMap* source = nullptr;  // Not owned. Its gradient and the target's are added to.
  PackedMap* target = nullptr;  // Not owned.
  at::Tensor positions;         // [G, B]: where the source is read, counted over all its images' locations.
  double clip = 0;              // > 0; infinity clips nothing.
  at::Tensor loss_weights;      // [G], float64: of mean_loss in the gradient.
  at::Tensor square_weights;    // [G], float64: of mean_square in the gradient; undefined where that is no part.
  int weight_exponent = 0;      // Gradients by scores are formed without this power of two of both (finite_cast.h).
  // [G, 2, B], float64, each group's side by side: receives for each source the sum over l of what mean_loss is the
  // mean of, B L terms in all, and that over j, l for mean_square, B B L terms in all.
  at::Tensor sums;
};

// Computes a meeting in blocks of source rows. Stops between blocks where all `groups` are cancelled.
void ContrastMaps(const MapMeeting& meeting, Groups groups, const Target& target);

}  // namespace lossd::aten

#endif  // LOSSD_CORE_LOSSES_ATEN_MAP_CONTRAST_H_
