// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/cpc/pixel_cnn_backward.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/engine/row_tiles.h"
#include "core/losses/cpc/channel_sweeps.h"
#include "core/losses/cpc/pixel_cnn_columns.h"
#include "core/losses/cpc/pixel_cnn_weight_gradients.h"
#include "core/losses/cpc/pointwise_convolution.h"

namespace lossd {
namespace {

constexpr int64_t kHidden = kPixelCnnHidden;

// Goes back through the exit, which adds to the inner columns of c, and the ReLU in front of it.
template <typename T>
void BackThroughExit(const PixelCnnShape& shape, const PixelCnnBackward<T>& pass, size_t block, RowTile tile) {
  T* down = pass.gradients.down + tile.first * kHidden;
  ConvolveBack(InnerColumns<T>(shape, pass.gradients.c, shape.channels, 1, tile.first), tile.count,
               pass.weights->blocks[block].exit, false, BlockedResult<T>(down, kHidden));
  MaskByRelu(pass.activations.down[block] + tile.first * kHidden, tile.count * kHidden, down);
}

// A row's `across` meets the row itself and, as the row above, the next one.
template <typename T>
void BackThroughDown(const PixelCnnShape& shape, const PixelCnnBackward<T>& pass, size_t block, RowTile tile) {
  const PixelCnnGradients<T>& g = pass.gradients;
  const auto& down = pass.weights->blocks[block].down;
  T* across = g.across + tile.first * kHidden;
  ConvolveBack(g.down + tile.first * kHidden, tile.count, down[1], false, across);
  const int64_t above = std::clamp(shape.inner_positions() - shape.row() - tile.first, int64_t{0}, tile.count);
  ConvolveBack(g.down + (tile.first + shape.row()) * kHidden, above, down[0], true, across);
}

// entry[tile] += what tap `tap` of `across` passes back to it.
template <typename T>
void BackThroughTap(const PixelCnnShape& shape, const PixelCnnBackward<T>& pass, size_t block, int64_t tap,
                    RowTile tile) {
  const RowTile inner = InnerTile(shape, tap, tile);
  ConvolveBack(RowsOfMap<T>(pass.gradients.across + inner.first * kHidden, kHidden), inner.count,
               pass.weights->blocks[block].across[static_cast<size_t>(tap)], true,
               InnerColumnsResult(shape, pass.gradients.entry, kHidden, tap, inner.first));
}

// Goes back through `across`, the entry's ReLU and the entry, and adds to c's gradient.
template <typename T>
void BackThroughEntry(const PixelCnnShape& shape, const PixelCnnBackward<T>& pass, size_t block, bool to_input,
                      RowTile tile) {
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
  const int64_t sums = ChannelSumItems(shape);
  ForItems(passes, packing + sums + TilesOf(inner), parallel, [&](Pass& pass, int64_t item) {
    if (item < packing) {
      if (block > FirstBlock(pass)) PackBlockInTurn(*pass.weights, block - 1, Way::kBackward, item);
      return;
    }
    if (skipped(pass)) return;
    if (item < packing + sums) return SumChannels(shape, pass, block, item - packing);
    BackThroughExit(shape, pass, block, TileOf(inner, item - packing - sums));
  });
  ForItems(passes, kExitWeightItems + TilesOf(inner), parallel, [&](Pass& pass, int64_t item) {
    if (skipped(pass)) return;
    if (item < kExitWeightItems) return RunExitWeight(shape, block, pass, item);
    BackThroughDown(shape, pass, block, TileOf(inner, item - kExitWeightItems));
  });
  ForTiles(passes, shape.positions(), parallel, [&](Pass& pass, RowTile tile) {
    if (!skipped(pass)) BackThroughEntry(shape, pass, block, to_input(pass), tile);
  });
  RunWeightGradients(shape, block, passes, parallel);
}

}  // namespace

template <typename T>
PixelCnnGradients<T> TakeGradients(const PixelCnnShape& shape, const PixelCnnActivations<T>& activations, T* c, T* taps,
                                   Workspace& workspace) {
  int64_t served = 0;  // Elements of the context's place that are taken.
  const auto take = [&](int64_t elements) {
    if (served + elements > shape.positions() * shape.channels) return workspace.Take<T>(elements);
    T* const context = activations.c[kPixelCnnBlocks];
    T* const taken = context == nullptr ? nullptr : context + served;
    served += elements;
    return taken;
  };
  PixelCnnGradients<T> g;
  g.c = c;
  g.entry = take(shape.positions() * kHidden);
  g.across = take(shape.inner_positions() * kHidden);
  g.down = take(shape.inner_positions() * kHidden);
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

template PixelCnnGradients<float> TakeGradients(const PixelCnnShape&, const PixelCnnActivations<float>&, float*, float*,
                                                Workspace&);
template PixelCnnGradients<double> TakeGradients(const PixelCnnShape&, const PixelCnnActivations<double>&, double*,
                                                 double*, Workspace&);
template void RunPixelCnnBackward(const PixelCnnShape&, absl::Span<const PixelCnnBackward<float>>, Parallel&);
template void RunPixelCnnBackward(const PixelCnnShape&, absl::Span<const PixelCnnBackward<double>>, Parallel&);

}  // namespace lossd
