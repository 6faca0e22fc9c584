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
// Maps are matrices [positions, channels]. Two orders of positions make every convolution a sum of plain products of
// neighbouring rows, one for each tap:
//   column order [x][r][b], in which the taps of `across` lie R B rows apart,
//   row order    [r][x][b], in which the taps of `down` lie (w - 2) B rows apart.

#ifndef LOSSD_CORE_LOSSES_PIXEL_CNN_H_
#define LOSSD_CORE_LOSSES_PIXEL_CNN_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "absl/types/span.h"
#include "core/engine/parallel.h"
#include "core/engine/workspace.h"
#include "core/losses/pixel_cnn_weights.h"

namespace lossd {

// Extents of the input, all rows counted.
struct PixelCnnShape {
  int64_t batch;     // B
  int64_t channels;  // C
  int64_t height;    // h >= 3
  int64_t width;     // w >= 3

  int64_t rows() const { return height - 2; }                         // R
  int64_t column() const { return rows() * batch; }                   // Positions of a column x, in column order.
  int64_t row() const { return (width - 2) * batch; }                 // Inner positions of a row r, in row order.
  int64_t positions() const { return width * column(); }              // Of c and `entry`.
  int64_t inner_positions() const { return (width - 2) * column(); }  // Of `across` and `down`.
};

// What the forward pass computes. After it, the signs of all ReLUs can be read off: an activation is 0 where its ReLU
// was off.
template <typename T>
struct PixelCnnActivations {
  std::array<T*, kPixelCnnBlocks + 1> c;   // [positions, C], column order: inputs of the blocks; last: the context.
  std::array<T*, kPixelCnnBlocks> entry;   // [positions, 256], column order, after the ReLU.
  std::array<T*, kPixelCnnBlocks> across;  // [inner_positions, 256], row order.
  std::array<T*, kPixelCnnBlocks> down;    // [inner_positions, 256], row order, after the ReLU.
  T* scratch;                              // [inner_positions, max(256, C)], free again after the forward pass.
};

// Which activations the forward pass must leave behind for the backward pass.
struct PixelCnnKeeping {
  bool relus = false;   // entry and down: for any gradient.
  bool inputs = false;  // c and across: for gradients of weights.
};

// Takes the activations' memory from `workspace`; what is not kept shares memory between blocks.
template <typename T>
PixelCnnActivations<T> TakeActivations(const PixelCnnShape& shape, const PixelCnnKeeping& keeping,
                                       Workspace& workspace);

// One request's pass.
template <typename T>
struct PixelCnnForward {
  const PixelCnnWeights<T>* weights;   // Not owned.
  PixelCnnActivations<T> activations;  // c[0] holds the input.
  const std::atomic<bool>* cancelled;  // May be null. Once true, results are meaningless.
};

// Computes the activations of all `passes`, layer by layer so that equal weights stay in cache; their weights are all
// packed or all in turns. The bits of a pass depend on that pass alone. Thread-safe.
template <typename T>
void RunPixelCnn(const PixelCnnShape& shape, absl::Span<const PixelCnnForward<T>> passes, Parallel& parallel);

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_PIXEL_CNN_H_
