// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The backward pass of the PixelCNN: from the gradient of the context to those of the input and of the parameters. The
// formulas are those of the layers' transposes; the gradient of the constant outer columns needs sums only.

#ifndef LOSSD_CORE_LOSSES_CPC_PIXEL_CNN_BACKWARD_H_
#define LOSSD_CORE_LOSSES_CPC_PIXEL_CNN_BACKWARD_H_

#include <array>
#include <atomic>

#include "absl/types/span.h"
#include "core/engine/parallel.h"
#include "core/engine/workspace.h"
#include "core/losses/cpc/pixel_cnn.h"

namespace lossd {

// Memory of a backward pass.
template <typename T>
struct PixelCnnGradients {
  T* c;           // [positions, C]
  T* down;        // [inner_positions, 256], before the ReLU.
  T* across;      // [inner_positions, 256]
  T* entry;       // [positions, 256], before the ReLU.
  T* taps;        // kArrangeScratchElements: [5, 256, 256]. Unused where no gradients of weights are wanted.
  double* sides;  // [C]: sum of c over the outer columns.
  double* sums;   // [C]: sum of c over all positions.
};

// Takes the memory, but for `c` and `taps`: in the place of the context, which the backward pass does not read, as far
// as that goes, else from `workspace`. `taps` may be the weights' scratch.
template <typename T>
PixelCnnGradients<T> TakeGradients(const PixelCnnShape& shape, const PixelCnnActivations<T>& activations, T* c, T* taps,
                                   Workspace& workspace);

// One request's pass.
template <typename T>
struct PixelCnnBackward {
  const PixelCnnWeights<T>* weights;   // Not owned.
  PixelCnnActivations<T> activations;  // Left by RunPixelCnn, with what the wanted gradients need kept.
  PixelCnnGradients<T> gradients;      // c holds the gradient of the context, and at the end that of the input.
  bool input_wanted;                   // Otherwise c holds anything at the end.
  std::array<T*, kPixelCnnParameters> parameters;  // Where to write these gradients, laid out as the parameters.
                                                   // Null: not wanted.
  double scale;                                    // Of the gradients of parameters.
  const std::atomic<bool>* cancelled;              // May be null. Once true, results are meaningless.
};

// Runs all `passes`, whose weights are all packed or all in turns, layer by layer. The bits of a pass depend on that
// pass alone. Thread-safe.
template <typename T>
void RunPixelCnnBackward(const PixelCnnShape& shape, absl::Span<const PixelCnnBackward<T>> passes, Parallel& parallel);

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_CPC_PIXEL_CNN_BACKWARD_H_
