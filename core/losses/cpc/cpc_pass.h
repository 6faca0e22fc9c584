// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// CPC from z to loss and gradients, over a batch of requests of equal shapes, in one workspace a request.

#ifndef LOSSD_CORE_LOSSES_CPC_CPC_PASS_H_
#define LOSSD_CORE_LOSSES_CPC_CPC_PASS_H_

#include <array>
#include <cstdint>

#include "absl/types/span.h"
#include "core/engine/parallel.h"
#include "core/engine/workspace.h"
#include "core/losses/cpc/cpc_contrast.h"
#include "core/losses/cpc/cpc_parameters.h"
#include "core/losses/cpc/cpc_plan.h"
#include "core/losses/cpc/pixel_cnn.h"
#include "core/losses/cpc/pixel_cnn_backward.h"

namespace lossd {

// Memory of a request's pass. Null where the wanted gradients do not need it. Positions are in order [r][x][b], so that
// the network's input and the predictions' positions are the first rows of all.
template <typename T>
struct CpcMemory {
  T* z;                    // [targets, C]
  T* targets;              // [targets, D]
  T* predictions;          // [predictions, D]
  T* target_gradient;      // As targets.
  T* prediction_gradient;  // As predictions.
  T* turned_z_gradient;    // [targets, C]: in the place of z, which has served by then.
  double* step_losses;     // [H - 2]
  CpcContrastMemory<T> contrast;
  PixelCnnActivations<T> activations;
  PixelCnnGradients<T> gradients;
  CpcWeights<T> sent_weights;  // Of `parameters`, in turns. Unset where there are none.
};

// Takes the memory from `workspace`. `parameters` are kCpcParameters that were sent, or none. `z_gradient`, where that
// is wanted, has room for the gradient that the network passes down, until it is written itself.
template <typename T>
CpcMemory<T> TakeCpcMemory(const CpcPlan& plan, const CpcWants& wants, absl::Span<const T* const> parameters,
                           T* z_gradient, Workspace& workspace);

// One request's pass. Pointers are not owned.
template <typename T>
struct CpcPass {
  const CpcPlan* plan;
  CpcWeights<T> weights;
  CpcMemory<T> memory;
  CpcWants wants;
  const T* z;                                          // [B, C, H, W]
  T* z_gradient;                                       // [B, C, H, W], if wanted.
  std::array<T*, kCpcParameters> parameter_gradients;  // Null: not wanted.
  double scale;                                        // Of the gradients.
  const std::atomic<bool>* cancelled;                  // May be null. Once true, results are meaningless.
};

// Computes memory.step_losses and the wanted gradients of all `passes`, whose plans have equal batch keys. The bits of
// a pass depend on that pass alone.
template <typename T>
void RunCpcPasses(absl::Span<const CpcPass<T>> passes, Parallel& parallel);

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_CPC_CPC_PASS_H_
