// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// CPC from z to loss and gradients, over a batch of requests of equal shapes, in one workspace a request.
//
// Memory is shared in turns: what a step leaves behind makes room for what a later one needs. Places downwards, the
// steps of a pass to the right; `|` is where a tenant begins. With all gradients wanted; without, there is less.
//
//                turn z |network    |project  |contrast |gradients of |network           |back to z    |turn z's
//                       |forward    |         |         |projections  |backward          |             |gradient
//
//   z            |z, which is the network's input c[0]  . . . . . . . . . . . . . . . . |turned_z_gradient  . .
//   activations         |c[1..4], entry, across, down of each block . . . . . . . . . . |
//   context             |c[5] . . . . . . . . . . . . . . . . . . . . |entry, across and |
//                       |                                             |down gradients (*)|
//   gradients           |                     |target_gradient, prediction_gradient . . . . . . . . . |
//   projections  |packed weights of targets and predictions, both ways (+) . . . . . . . . . . . . . . . . . .
//   phase               |two blocks'|targets, predictions,            |two blocks' packed|
//                       |packed     |the contrast's scores            |weights, backward |
//                       |weights (+)|and packed columns               |(+); sides, sums; |
//                       |and taps   |                                 |taps; (*)         |
//   the result                                                        |gradients.c, from |. . . . . . .|z_gradient
//   z_gradient                                                        |context to input  |             |
//
// - (+) Only where weights are sent; those from a seed stand in a cache. Blocks take turns in the memory of two: each
//   is packed, for one way, beside the products of the one before it (PackBlockInTurn). Taps are what packing needs in
//   between, and later the gradients of weights.
// - (*) The context is read no more once its own gradient has passed the last ReLU. Then the network's gradients entry,
//   across and down lie there, in this order, as far as they fit (entry does from 256 channels on), the others in the
//   phase.
// - The phase is as long as the longer of its tenants, before and after ReturnTo. An array that lives through more
//   steps than either is taken before the phase, or behind EndPhases.

#ifndef LOSSD_CORE_LOSSES_CPC_CPC_PASS_H_
#define LOSSD_CORE_LOSSES_CPC_CPC_PASS_H_

#include <array>
#include <cstdint>

#include "absl/types/span.h"
#include "core/engine/contrast_steps.h"
#include "core/engine/parallel.h"
#include "core/engine/workspace.h"
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
  // In the phase: meaningful from the projections to the end of the contrast, and from there to the end.
  StepContrastMemory<T> contrast;
  PixelCnnActivations<T> activations;
  PixelCnnGradients<T> gradients;
  CpcWeights<T> sent_weights;  // Of `parameters`, in turns. Unset where there are none.
};

// Takes the memory from `workspace`, which may be one that counts. `parameters` are kCpcParameters that were sent, or
// none; they are borrowed as long as the memory is used, and packed for products of `precision`. `z_gradient`, where
// that is wanted, has room for the gradient that the network passes down, until it is written itself.
template <typename T>
CpcMemory<T> TakeCpcMemory(const CpcPlan& plan, const CpcWants& wants, absl::Span<const T* const> parameters,
                           GemmPrecision precision, T* z_gradient, Workspace& workspace);

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

// Computes memory.step_losses and the wanted gradients of all `passes` (one at least), whose plans have equal batch
// keys, step by step for all of them, so that equal weights stay in cache. Once a pass is cancelled its results are
// meaningless, those of the others are not. The bits of a pass depend on that pass alone. Passes share no memory;
// thread-safe, and `parallel` may run their pieces on any thread.
template <typename T>
void RunCpcPasses(absl::Span<const CpcPass<T>> passes, Parallel& parallel);

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_CPC_CPC_PASS_H_
