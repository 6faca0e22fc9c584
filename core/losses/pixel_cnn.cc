// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/pixel_cnn.h"

#include <algorithm>
#include <cstddef>

#include "core/losses/channel_sweeps.h"
#include "core/losses/pixel_cnn_order.h"
#include "core/losses/pointwise_convolution.h"
#include "core/losses/position_tiles.h"

namespace lossd {
namespace {

constexpr int64_t kHidden = kPixelCnnHidden;

// One block of one pass.
template <typename T>
struct Layer {
  const PixelCnnShape& shape;
  const PixelCnnBlockWeights<T>& weights;
  const PixelCnnActivations<T>& activations;
  size_t block;

  T* c() const { return activations.c[block]; }
  T* next() const { return activations.c[block + 1]; }
  T* entry() const { return activations.entry[block]; }
  T* across() const { return activations.across[block]; }
  T* down() const { return activations.down[block]; }
};

template <typename T>
void RunEntry(const Layer<T>& layer, PositionTile tile) {
  const int64_t channels = layer.shape.channels;
  T* to = layer.entry() + tile.first * kHidden;
  Convolve(layer.c() + tile.first * channels, tile.count, layer.weights.entry, false, to);
  AddBiasAndRelu(tile.count, kHidden, layer.weights.parameters[kEntryBias], to);
}

// Computes in column order and turns into row order.
template <typename T>
void RunAcross(const Layer<T>& layer, PositionTile tile) {
  T* computed = layer.activations.scratch + tile.first * kHidden;
  for (int64_t tap = 0; tap < kAcrossTaps; ++tap) {
    const T* from = layer.entry() + (tile.first + tap * layer.shape.column()) * kHidden;
    Convolve(from, tile.count, layer.weights.across[static_cast<size_t>(tap)], tap > 0, computed);
  }
  ForRunsOfColumnOrder(layer.shape, tile, [&](int64_t position, int64_t count, int64_t in_row_order) {
    AddBias(layer.activations.scratch + position * kHidden, count, kHidden, layer.weights.parameters[kAcrossBias],
            layer.across() + in_row_order * kHidden);
  });
}

template <typename T>
void RunDown(const Layer<T>& layer, PositionTile tile) {
  const T* from = layer.across() + tile.first * kHidden;
  T* to = layer.down() + tile.first * kHidden;
  Convolve(from, tile.count, layer.weights.down[1], false, to);
  const int64_t in_first_row = std::clamp(layer.shape.row() - tile.first, int64_t{0}, tile.count);
  AddBias(to, in_first_row, kHidden, layer.weights.top, to);
  const int64_t skipped = in_first_row * kHidden;
  Convolve(from + skipped - layer.shape.row() * kHidden, tile.count - in_first_row, layer.weights.down[0], true,
           to + skipped);
  AddBiasAndRelu(tile.count, kHidden, layer.weights.parameters[kDownBias], to);
}

// The exit, added to the inner columns of c. Turns back into column order.
template <typename T>
void RunExit(const Layer<T>& layer, PositionTile tile) {
  const int64_t channels = layer.shape.channels;
  T* computed = layer.activations.scratch + tile.first * channels;
  Convolve(layer.down() + tile.first * kHidden, tile.count, layer.weights.exit, false, computed);
  ForRunsOfRowOrder(layer.shape, tile, [&](int64_t position, int64_t count, int64_t in_column_order) {
    const int64_t to = (in_column_order + layer.shape.column()) * channels;
    AddResidual(layer.c() + to, layer.activations.scratch + position * channels, count, channels,
                layer.weights.parameters[kExitBias], layer.next() + to);
  });
}

// The outer columns of c, to which the block adds a constant.
template <typename T>
void RunSides(const Layer<T>& layer) {
  const int64_t channels = layer.shape.channels;
  const int64_t last = (layer.shape.width - 1) * layer.shape.column() * channels;
  for (const int64_t first : {int64_t{0}, last}) {
    AddBias(layer.c() + first, layer.shape.column(), channels, layer.weights.side, layer.next() + first);
  }
}

template <typename T>
void RunBlock(const PixelCnnShape& shape, size_t block, absl::Span<const PixelCnnForward<T>> passes,
              Parallel& parallel) {
  using Pass = const PixelCnnForward<T>;
  const auto layer = [&](Pass& pass) { return Layer<T>{shape, pass.weights->blocks[block], pass.activations, block}; };
  const int64_t packing = block + 1 < kPixelCnnBlocks ? BlockItems(*passes.front().weights) : 0;
  ForItems(passes, packing + TilesOf(shape.positions()), parallel, [&](Pass& pass, int64_t item) {
    if (item < packing) return PackBlockInTurn(*pass.weights, block + 1, Way::kForward, item);
    RunEntry(layer(pass), TileOf(shape.positions(), item - packing));
  });
  const int64_t inner = shape.inner_positions();
  ForTiles(passes, inner, parallel, [&](Pass& pass, PositionTile tile) { RunAcross(layer(pass), tile); });
  ForItems(passes, TilesOf(inner) + 1, parallel, [&](Pass& pass, int64_t item) {
    if (item == TilesOf(inner)) return RunSides(layer(pass));
    RunDown(layer(pass), TileOf(inner, item));
    RunExit(layer(pass), TileOf(inner, item));
  });
}

// The ReLU behind the last block.
template <typename T>
void FinishContext(const PixelCnnShape& shape, T* context, PositionTile tile) {
  T* first = context + tile.first * shape.channels;
  std::transform(first, first + tile.count * shape.channels, first, Relu<T>);
}

}  // namespace

template <typename T>
PixelCnnActivations<T> TakeActivations(const PixelCnnShape& shape, const PixelCnnKeeping& keeping,
                                       Workspace& workspace) {
  PixelCnnActivations<T> activations;
  const auto take = [&](auto& maps, bool separate, int64_t elements) {
    for (size_t k = 0; k < maps.size(); ++k) maps[k] = k > 0 && !separate ? maps[0] : workspace.Take<T>(elements);
  };
  take(activations.c, keeping.inputs, shape.positions() * shape.channels);
  take(activations.entry, keeping.relus, shape.positions() * kHidden);
  take(activations.across, keeping.inputs, shape.inner_positions() * kHidden);
  take(activations.down, keeping.relus, shape.inner_positions() * kHidden);
  activations.scratch = workspace.Take<T>(shape.inner_positions() * std::max(kHidden, shape.channels));
  return activations;
}

template <typename T>
void RunPixelCnn(const PixelCnnShape& shape, absl::Span<const PixelCnnForward<T>> passes, Parallel& parallel) {
  const int64_t packing = BlockItems(*passes.front().weights);
  ForItems(passes, packing, parallel, [](const PixelCnnForward<T>& pass, int64_t item) {
    PackBlockInTurn(*pass.weights, 0, Way::kForward, item);
  });
  for (size_t block = 0; block < kPixelCnnBlocks; ++block) RunBlock(shape, block, passes, parallel);
  ForTiles(passes, shape.positions(), parallel, [&](const PixelCnnForward<T>& pass, PositionTile tile) {
    FinishContext(shape, pass.activations.c[kPixelCnnBlocks], tile);
  });
}

template PixelCnnActivations<float> TakeActivations(const PixelCnnShape&, const PixelCnnKeeping&, Workspace&);
template PixelCnnActivations<double> TakeActivations(const PixelCnnShape&, const PixelCnnKeeping&, Workspace&);
template void RunPixelCnn(const PixelCnnShape&, absl::Span<const PixelCnnForward<float>>, Parallel&);
template void RunPixelCnn(const PixelCnnShape&, absl::Span<const PixelCnnForward<double>>, Parallel&);

}  // namespace lossd
