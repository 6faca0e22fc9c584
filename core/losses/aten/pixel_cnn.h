// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The context network of CPC for a stack of groups, see core/losses/cpc/pixel_cnn.h for its definition. Maps are
// channels-last, [G, B, rows, columns, channels]; a convolution is one product of the joined taps with the weights.

#ifndef LOSSD_CORE_LOSSES_ATEN_PIXEL_CNN_H_
#define LOSSD_CORE_LOSSES_ATEN_PIXEL_CNN_H_

#include <ATen/core/Tensor.h>

#include <array>
#include <vector>

#include "core/losses/aten/target.h"
#include "core/losses/cpc/pixel_cnn_weights.h"

namespace lossd::aten {

// The weights of a block, or their gradients; the first dimension is G, or 1 for weights that all groups share.
struct PixelCnnBlock {
  at::Tensor entry;        // [G, 256, C]
  at::Tensor entry_bias;   // [G, 256]
  at::Tensor across;       // [G, 256, 3 * 256], tap by tap.
  at::Tensor across_bias;  // [G, 256]
  at::Tensor down;         // [G, 256, 2 * 256], tap by tap.
  at::Tensor down_bias;    // [G, 256]
  at::Tensor exit;         // [G, C, 256]
  at::Tensor exit_bias;    // [G, C]
};
using PixelCnnBlocks = std::array<PixelCnnBlock, kPixelCnnBlocks>;

// What the backward pass needs of a block's forward pass.
struct PixelCnnTrace {
  at::Tensor c;       // [G, B, R, w, C]: the block's input.
  at::Tensor entry;   // [G, B, R, w, 256], after the ReLU.
  at::Tensor across;  // [G, B, R, w - 2, 256]
  at::Tensor down;    // [G, B, R, w, 256], after the ReLU, with the constant outer columns.
};

struct PixelCnnContext {
  at::Tensor context;                // [G, B, R, w, C]
  std::vector<PixelCnnTrace> trace;  // Of each block; empty where it is not kept.
};

// Products of stacked rows with weights [G or 1, out, in]: rows [G, ..., in] to [G, ..., out], back from [G, ..., out]
// to [G, ..., in], and the gradient [G, out, in] of the weights.
at::Tensor Convolve(const Target& target, const at::Tensor& rows, const at::Tensor& weights, const at::Tensor& bias);
at::Tensor ConvolveBack(const Target& target, const at::Tensor& gradient, const at::Tensor& weights);
at::Tensor Correlate(const Target& target, const at::Tensor& gradient, const at::Tensor& rows);

// Sum over all but the first and the last dimension: the gradient of a bias.
at::Tensor SumOverPositions(const at::Tensor& gradient);

// Runs the network over rows 0 .. R - 1 of its input, [G, B, R, w, C].
PixelCnnContext RunPixelCnn(const Target& target, const at::Tensor& input, const PixelCnnBlocks& blocks,
                            bool keep_trace);

// From the gradient of the context, which it overwrites, to that of the input, which it returns. Fills the gradients of
// the weights unless `weight_gradients` is null.
at::Tensor RunPixelCnnBackward(const Target& target, at::Tensor gradient, const PixelCnnContext& forward,
                               const PixelCnnBlocks& blocks, PixelCnnBlocks* weight_gradients);

}  // namespace lossd::aten

#endif  // LOSSD_CORE_LOSSES_ATEN_PIXEL_CNN_H_
