// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// CPC's contrast between predictions and targets (core/losses/cpc/cpc_contrast.h) for a stack of groups: what it brings
// to the terms of contrasts, and what it makes of their numbers.

#ifndef LOSSD_CORE_LOSSES_ATEN_CPC_SCORES_H_
#define LOSSD_CORE_LOSSES_ATEN_CPC_SCORES_H_

#include <ATen/core/Tensor.h>

#include "core/losses/aten/group_tensors.h"
#include "core/losses/aten/target.h"
#include "core/losses/cpc/cpc_contrast.h"

namespace lossd::aten {

// What the contrast is computed from.
struct CpcScores {
  CpcContrastShape shape{};
  at::Tensor predictions;   // [G, B R w, D], positions in order [b][r][x], rows 0 .. R - 1.
  at::Tensor targets;       // [G, B h w, D], same order, all rows.
  at::Tensor embed_scales;  // [G], float64.
  at::Tensor step_weights;  // [G, R], float64: weight of step i in the gradient, without its mean's 1 / n_i.
  bool gradients = true;    // Whether they are wanted.
};

// Gradients are undefined where they are not wanted.
struct CpcScoresResult {
  at::Tensor step_losses;          // [G, R], float64
  at::Tensor prediction_gradient;  // As predictions.
  at::Tensor target_gradient;      // As targets.
};

// Computes the contrast. Stops between blocks of predictions where all `groups` are cancelled.
CpcScoresResult ContrastSteps(const CpcScores& scores, Groups groups, const Target& target);

}  // namespace lossd::aten

#endif  // LOSSD_CORE_LOSSES_ATEN_CPC_SCORES_H_
