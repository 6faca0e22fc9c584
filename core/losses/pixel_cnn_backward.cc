// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/pixel_cnn_backward.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/losses/channel_sweeps.h"
#include "core/losses/pixel_cnn_order.h"
#include "core/losses/pixel_cnn_weight_gradients.h"
#include "core/losses/pointwise_convolution.h"
#include "core/losses/position_tiles.h"

namespace lossd {
namespace {

constexpr int64_t kHidden = kPixelCnnHidden;

// Turns the inner columns of c's gradient into row order and goes back through the exit and its ReLU.
template <typename T>
void BackThroughExit(const PixelCnnShape& shape, const PixelCnnBackward<T>& pass, size_t block, PositionTile tile) {
  const PixelCnnGradients<T>& g = pass.gradients;
  const int64_t channels = shape.channels;
  ForRunsOfRowOrder(shape, tile, [&](int64_t position, int64_t count, int64_t in_column_order) {
    std::copy_n(g.c + (in_column_order + shape.column()) * channels, count * channels, g.exit + position * channels);
  });
  T* down = g.down + tile.first * kHidden;
  ConvolveBack(g.exit + tile.first * channels, tile.count, pass.weights->blocks[block].exit, false, down);
  MaskByRelu(pass.activations.down[block] + tile.first * kHidden, tile.count * kHidden, down);
}

// A row's `across` meets the row itself and, as the row above, the next one. Turns into column order.
template <typename T>
void BackThroughDown(const PixelCnnShape& shape, const PixelCnnBackward<T>& pass, size_t block, PositionTile tile) {
  const PixelCnnGradients<T>& g = pass.gradients;
  const auto& down = pass.weights->blocks[block].down;
  T* turned = g.turned + tile.first * kHidden;
  ConvolveBack(g.down + tile.first * kHidden, tile.count, down[1], false, turned);
  const int64_t above = std::clamp(shape.inner_positions() - shape.row() - tile.first, int64_t{0}, tile.count);
  ConvolveBack(g.down + (tile.first + shape.row()) * kHidden, above, down[0], true, turned);
  ForRunsOfRowOrder(shape, tile, [&](int64_t position, int64_t count, int64_t in_column_order) {
    std::copy_n(g.turned + position * kHidden, count * kHidden, g.across + in_column_order * kHidden);
  });
}

// entry[tile] (+)= what tap `tap` of `across` passes back to it.
template <typename T>
void BackThroughTap(const PixelCnnShape& shape, const PixelCnnBackward<T>& pass, size_t block, int64_t tap,
                    PositionTile tile) {
  const int64_t shift = tap * shape.column();
  const int64_t first = std::max(tile.first, shift);
  const int64_t end = std::min(tile.first + tile.count, shift + shape.inner_positions());
  if (first >= end) return;
  ConvolveBack(pass.gradients.across + (first - shift) * kHidden, end - first,
               pass.weights->blocks[block].across[static_cast<size_t>(tap)], true,
               pass.gradients.entry + first * kHidden);
}

// Goes back through `across`, the entry's ReLU and the entry, and adds to c's gradient.
template <typename T>
void BackThroughEntry(const PixelCnnShape& shape, const PixelCnnBackward<T>& pass, size_t block, bool to_input,
                      PositionTile tile) {
  T* entry = pass.gradients.entry + tile.first * kHidden;
  std::fill_n(entry, tile.count * kHidden, T{0});
  for (int64_t tap = 0; tap < kAcrossTaps; ++tap) BackThroughTap(shape, pass, block, tap, tile);
  MaskByRelu(pass.activations.entry[block] + tile.first * kHidden, tile.count * kHidden, entry);
  if (!to_input) return;
  ConvolveBack(entry, tile.count, pass.weights->blocks[block].entry, true,
               pass.gradients.c + tile.first * shape.channels);
}

// The first block whose gradients are wanted; kPixelCnnBlocks if there is none.
template <typename T>
size_t FirstBlock(const PixelCnnBackward<T>& pass) {
  if (pass.input_wanted) return 0;
  const auto wanted = std::find_if(pass.parameters.begin(), pass.parameters.end(), [](T* p) { return p != nullptr; });
  return static_cast<size_t>(wanted - pass.parameters.begin()) / kBlockParameters;
}

template <typename T>
void RunBlockBackward(const PixelCnnShape& shape, size_t block, absl::Span<const PixelCnnBackward<T>> passes,
                      Parallel& parallel) {
  using Pass = const PixelCnnBackward<T>;
  const auto skipped = [&](Pass& pass) { return block < FirstBlock(pass); };
  const auto to_input = [&](Pass& pass) { return block > FirstBlock(pass) || pass.input_wanted; };
  const int64_t inner = shape.inner_positions();
  const int64_t packing = block > 0 ? BlockItems(*passes.front().weights) : 0;
  ForItems(passes, packing + TilesOf(inner), parallel, [&](Pass& pass, int64_t item) {
    if (item < packing) {
      if (block > FirstBlock(pass)) PackBlockInTurn(*pass.weights, block - 1, Way::kBackward, item);
    } else if (!skipped(pass)) {
      BackThroughExit(shape, pass, block, TileOf(inner, item - packing));
    }
  });
  const int64_t sums = ChannelSumItems(shape);
  ForItems(passes, TilesOf(inner) + sums, parallel, [&](Pass& pass, int64_t item) {
    if (skipped(pass)) return;
    if (item < sums) return SumChannels(shape, pass, block, item);
    BackThroughDown(shape, pass, block, TileOf(inner, item - sums));
  });
  ForTiles(passes, shape.positions(), parallel, [&](Pass& pass, PositionTile tile) {
    if (!skipped(pass)) BackThroughEntry(shape, pass, block, to_input(pass), tile);
  });
  RunWeightGradients(shape, block, passes, parallel);
}

}  // namespace

template <typename T>
PixelCnnGradients<T> TakeGradients(const PixelCnnShape& shape, const PixelCnnActivations<T>& activations, T* taps,
                                   Workspace& workspace) {
  PixelCnnGradients<T> g;
  g.c = workspace.Take<T>(shape.positions() * shape.channels);
  g.exit = activations.scratch;
  g.down = workspace.Take<T>(shape.inner_positions() * kHidden);
  g.across = workspace.Take<T>(shape.inner_positions() * kHidden);
  g.turned = workspace.Take<T>(shape.inner_positions() * kHidden);
  g.entry = workspace.Take<T>(shape.positions() * kHidden);
  g.taps = taps;
  g.sides = workspace.Take<double>(shape.channels);
  g.sums = workspace.Take<double>(shape.channels);
  return g;
}

template <typename T>
void RunPixelCnnBackward(const PixelCnnShape& shape, absl::Span<const PixelCnnBackward<T>> passes, Parallel& parallel) {
  const int64_t packing = BlockItems(*passes.front().weights);
  ForItems(passes, packing, parallel, [](const PixelCnnBackward<T>& pass, int64_t item) {
    PackBlockInTurn(*pass.weights, kPixelCnnBlocks - 1, Way::kBackward, item);
  });
  for (size_t block = kPixelCnnBlocks; block-- > 0;) RunBlockBackward(shape, block, passes, parallel);
}

template PixelCnnGradients<float> TakeGradients(const PixelCnnShape&, const PixelCnnActivations<float>&, float*,
                                                Workspace&);
template PixelCnnGradients<double> TakeGradients(const PixelCnnShape&, const PixelCnnActivations<double>&, double*,
                                                 Workspace&);
template void RunPixelCnnBackward(const PixelCnnShape&, absl::Span<const PixelCnnBackward<float>>, Parallel&);
template void RunPixelCnnBackward(const PixelCnnShape&, absl::Span<const PixelCnnBackward<double>>, Parallel&);

}  // namespace lossd
