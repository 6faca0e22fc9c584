// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/cpc/pixel_cnn.h"

#include <algorithm>
#include <cstddef>

#include "core/engine/row_tiles.h"
#include "core/losses/cpc/channel_sweeps.h"
#include "core/losses/cpc/pixel_cnn_columns.h"
#include "core/losses/cpc/pointwise_convolution.h"

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
void RunEntry(const Layer<T>& layer, RowTile tile) {
  const int64_t channels = layer.shape.channels;
  T* to = layer.entry() + tile.first * kHidden;
  Convolve(layer.c() + tile.first * channels, tile.count, layer.weights.entry, false, to);
  AddBiasAndRelu(tile.count, kHidden, layer.weights.parameters[kEntryBias], to);
}

template <typename T>
void RunAcross(const Layer<T>& layer, RowTile tile) {
  T* to = layer.across() + tile.first * kHidden;
  for (int64_t tap = 0; tap < kAcrossTaps; ++tap) {
    Convolve(InnerColumns<T>(layer.shape, layer.entry(), kHidden, tap, tile.first), tile.count,
             layer.weights.across[static_cast<size_t>(tap)], tap > 0, BlockedResult<T>(to, kHidden));
  }
  AddBias(to, tile.count, kHidden, layer.weights.parameters[kAcrossBias], to);
}

template <typename T>
void RunDown(const Layer<T>& layer, RowTile tile) {
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

// next = c + bias + exit in the inner columns.
template <typename T>
void RunExit(const Layer<T>& layer, RowTile tile) {
  const int64_t channels = layer.shape.channels;
  ForInnerRuns(layer.shape, 1, tile, [&](int64_t position, int64_t count) {
    const int64_t first = position * channels;
    AddBias(layer.c() + first, count, channels, layer.weights.parameters[kExitBias], layer.next() + first);
  });
  Convolve(RowsOfMap<T>(layer.down() + tile.first * kHidden, kHidden), tile.count, layer.weights.exit, true,
           InnerColumnsResult(layer.shape, layer.next(), channels, 1, tile.first));
}

// The outer columns of c, to which the block adds a constant.
template <typename T>
void RunSides(const Layer<T>& layer) {
  const int64_t channels = layer.shape.channels;
  for (int64_t r = 0; r < layer.shape.rows(); ++r) {
    const int64_t left = r * layer.shape.full_row();
    for (const int64_t position : {left, left + layer.shape.full_row() - layer.shape.batch}) {
      const int64_t first = position * channels;
      AddBias(layer.c() + first, layer.shape.batch, channels, layer.weights.side, layer.next() + first);
    }
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
  ForTiles(passes, inner, parallel, [&](Pass& pass, RowTile tile) { RunAcross(layer(pass), tile); });
  ForItems(passes, TilesOf(inner) + 1, parallel, [&](Pass& pass, int64_t item) {
    if (item == TilesOf(inner)) return RunSides(layer(pass));
    RunDown(layer(pass), TileOf(inner, item));
    RunExit(layer(pass), TileOf(inner, item));
  });
}

// The ReLU behind the last block.
template <typename T>
void FinishContext(const PixelCnnShape& shape, T* context, RowTile tile) {
  T* first = context + tile.first * shape.channels;
  std::transform(first, first + tile.count * shape.channels, first, Relu<T>);
}

}  // namespace

template <typename T>
PixelCnnActivations<T> TakeActivations(const PixelCnnShape& shape, const PixelCnnKeeping& keeping, T* input,
                                       Workspace& workspace) {
  PixelCnnActivations<T> activations;
  const auto take = [&](absl::Span<T*> maps, bool separate, int64_t elements) {
    for (size_t k = 0; k < maps.size(); ++k) maps[k] = k > 0 && !separate ? maps[0] : workspace.Take<T>(elements);
  };
  activations.c[0] = input;
  take(absl::MakeSpan(activations.c).subspan(1), keeping.inputs, shape.positions() * shape.channels);
  take(absl::MakeSpan(activations.entry), keeping.relus, shape.positions() * kHidden);
  take(absl::MakeSpan(activations.across), keeping.inputs, shape.inner_positions() * kHidden);
  take(absl::MakeSpan(activations.down), keeping.relus, shape.inner_positions() * kHidden);
  return activations;
}

template <typename T>
void RunPixelCnn(const PixelCnnShape& shape, absl::Span<const PixelCnnForward<T>> passes, Parallel& parallel) {
  const int64_t packing = BlockItems(*passes.front().weights);
  ForItems(passes, packing, parallel, [](const PixelCnnForward<T>& pass, int64_t item) {
    PackBlockInTurn(*pass.weights, 0, Way::kForward, item);
  });
  for (size_t block = 0; block < kPixelCnnBlocks; ++block) RunBlock(shape, block, passes, parallel);
  ForTiles(passes, shape.positions(), parallel, [&](const PixelCnnForward<T>& pass, RowTile tile) {
    FinishContext(shape, pass.activations.c[kPixelCnnBlocks], tile);
  });
}

template PixelCnnActivations<float> TakeActivations(const PixelCnnShape&, const PixelCnnKeeping&, float*, Workspace&);
template PixelCnnActivations<double> TakeActivations(const PixelCnnShape&, const PixelCnnKeeping&, double*, Workspace&);
template void RunPixelCnn(const PixelCnnShape&, absl::Span<const PixelCnnForward<float>>, Parallel&);
template void RunPixelCnn(const PixelCnnShape&, absl::Span<const PixelCnnForward<double>>, Parallel&);

}  // namespace lossd
