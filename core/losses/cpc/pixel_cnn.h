// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The context network of CPC: five residual blocks c <- c + B(c), then a ReLU. A block is
//   entry   1x1, C -> 256, ReLU
//   across  1x3, 256 -> 256, without padding: w columns become w - 2
//   down    2x1, 256 -> 256, over the row above and the row itself, ReLU. Above the first row lies a row of ones; left
//           and right lies a column of zeros, so that there are w columns again, the outer two of them constant
//   exit    1x1, 256 -> C
// Row r of the context depends on rows 0..r of the input, and CPC predicts from rows 0..h-3: only these R = h - 2 rows
// are computed.
//
// Maps are matrices [positions, channels], positions in order [r][x][b]. So every convolution is a sum of products of
// rows, one for each tap: those of `across` lie B rows apart, those of `down` (w - 2) B.

#ifndef LOSSD_CORE_LOSSES_CPC_PIXEL_CNN_H_
#define LOSSD_CORE_LOSSES_CPC_PIXEL_CNN_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "absl/types/span.h"
#include "core/engine/parallel.h"
#include "core/engine/workspace.h"
#include "core/losses/cpc/pixel_cnn_weights.h"

namespace lossd {

// Extents of the input, all rows counted.
struct PixelCnnShape {
  int64_t batch;     // B
  int64_t channels;  // C
  int64_t height;    // h >= 3
  int64_t width;     // w >= 3

  int64_t rows() const { return height - 2; }                 // R
  int64_t full_row() const { return width * batch; }          // Positions of a row r.
  int64_t row() const { return (width - 2) * batch; }         // The inner ones of them.
  int64_t positions() const { return rows() * full_row(); }   // Of c and `entry`.
  int64_t inner_positions() const { return rows() * row(); }  // Of `across` and `down`.
};

// What the forward pass computes. After it, the signs of all ReLUs can be read off: an activation is 0 where its ReLU
// was off.
template <typename T>
struct PixelCnnActivations {
  std::array<T*, kPixelCnnBlocks + 1> c;   // [positions, C]: inputs of the blocks; last: the context.
  std::array<T*, kPixelCnnBlocks> entry;   // [positions, 256], after the ReLU.
  std::array<T*, kPixelCnnBlocks> across;  // [inner_positions, 256]
  std::array<T*, kPixelCnnBlocks> down;    // [inner_positions, 256], after the ReLU.
};

// Which activations the forward pass must leave behind for the backward pass.
struct PixelCnnKeeping {
  bool relus = false;   // entry and down: for any gradient.
  bool inputs = false;  // c and across: for gradients of weights.
};

// Takes the activations' memory from `workspace`, but for the input's; what is not kept shares memory between blocks.
template <typename T>
PixelCnnActivations<T> TakeActivations(const PixelCnnShape& shape, const PixelCnnKeeping& keeping, T* input,
                                       Workspace& workspace);

// One request's pass.
template <typename T>
struct PixelCnnForward {
  const PixelCnnWeights<T>* weights;   // Not owned.
  PixelCnnActivations<T> activations;  // c[0] holds the input, which stays.
  const std::atomic<bool>* cancelled;  // May be null. Once true, results are meaningless.
};

// Computes the activations of all `passes`, layer by layer so that equal weights stay in cache; their weights are all
// packed or all in turns. The bits of a pass depend on that pass alone. Thread-safe.
template <typename T>
void RunPixelCnn(const PixelCnnShape& shape, absl::Span<const PixelCnnForward<T>> passes, Parallel& parallel);

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_CPC_PIXEL_CNN_H_
