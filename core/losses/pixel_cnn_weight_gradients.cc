// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/pixel_cnn_weight_gradients.h"

#include <algorithm>
#include <array>

#include "core/losses/channel_sweeps.h"
#include "core/losses/pointwise_convolution.h"
#include "core/losses/position_tiles.h"

namespace lossd {
namespace {

constexpr int64_t kHidden = kPixelCnnHidden;
constexpr int64_t kItemChannels = 64;  // Output channels of an iteration.

int64_t ItemsOf(int64_t channels) { return (channels + kItemChannels - 1) / kItemChannels; }

using ChannelSums = std::array<double, kItemChannels>;

// Output channels [first, first + count) of one layer of one block, whose gradients an iteration computes.
template <typename T>
struct Share {
  const PixelCnnShape& shape;
  const PixelCnnBackward<T>& pass;
  size_t block;
  int64_t first;
  int64_t count;

  T* wanted(PixelCnnParameter parameter) const { return pass.parameters[block * kBlockParameters + parameter]; }
};

// weight = scale * gradient[rows, out]^T input[rows, in] for the share's output channels.
template <typename T>
void CorrelateShare(const Share<T>& share, const T* gradient, int64_t out, const T* input, int64_t in, int64_t rows,
                    T* weight) {
  Correlate(gradient, rows, out, share.first, share.count, input, in, static_cast<T>(share.pass.scale), weight);
}

// The sums over the rows of gradient[r][c] for the share's channels.
template <typename T>
ChannelSums SumShare(const Share<T>& share, const T* gradient, int64_t rows, int64_t channels) {
  ChannelSums sums{};
  AddColumnSums(gradient, rows, channels, share.first, share.count, sums.data());
  return sums;
}

template <typename T>
void WriteBias(const Share<T>& share, const ChannelSums& sums, T* bias) {
  for (int64_t c = 0; c < share.count; ++c) {
    bias[share.first + c] = static_cast<T>(sums[static_cast<size_t>(c)] * share.pass.scale);
  }
}

template <typename T>
void EntryGradient(const Share<T>& share) {
  const int64_t channels = share.shape.channels;
  const T* gradient = share.pass.gradients.entry;
  if (T* weight = share.wanted(kEntryWeight)) {
    CorrelateShare(share, gradient, kHidden, share.pass.activations.c[share.block], channels, share.shape.positions(),
                   weight + share.first * channels);
  }
  if (T* bias = share.wanted(kEntryBias)) {
    WriteBias(share, SumShare(share, gradient, share.shape.positions(), kHidden), bias);
  }
}

template <typename T>
void AcrossGradient(const Share<T>& share) {
  const T* gradient = share.pass.gradients.across;
  const int64_t rows = share.shape.inner_positions();
  if (T* weight = share.wanted(kAcrossWeight)) {
    const int64_t elements = share.count * kHidden;
    T* taps = share.pass.gradients.taps + kAcrossTaps * share.first * kHidden;
    for (int64_t tap = 0; tap < kAcrossTaps; ++tap) {
      const T* input = share.pass.activations.entry[share.block] + tap * share.shape.column() * kHidden;
      CorrelateShare(share, gradient, kHidden, input, kHidden, rows, taps + tap * elements);
    }
    JoinTaps(taps, kAcrossTaps, share.count, weight + share.first * kHidden * kAcrossTaps);
  }
  if (T* bias = share.wanted(kAcrossBias)) WriteBias(share, SumShare(share, gradient, rows, kHidden), bias);
}

// The row of ones meets the first row of the map: it adds the sum of that row's gradients to every input channel.
template <typename T>
void AddTop(const Share<T>& share, const T* gradient, T* tap) {
  const ChannelSums sums = SumShare(share, gradient, share.shape.row(), kHidden);
  for (int64_t c = 0; c < share.count; ++c) {
    const T sum = static_cast<T>(sums[static_cast<size_t>(c)] * share.pass.scale);
    for (int64_t i = 0; i < kHidden; ++i) tap[c * kHidden + i] += sum;
  }
}

template <typename T>
void DownWeightGradient(const Share<T>& share, const T* gradient, T* weight) {
  const int64_t rows = share.shape.inner_positions();
  const T* input = share.pass.activations.across[share.block];
  T* taps = share.pass.gradients.taps + (kAcrossTaps * kHidden + kDownTaps * share.first) * kHidden;
  const int64_t row = share.shape.row();
  CorrelateShare(share, gradient + row * kHidden, kHidden, input, kHidden, rows - row, taps);
  AddTop(share, gradient, taps);
  CorrelateShare(share, gradient, kHidden, input, kHidden, rows, taps + share.count * kHidden);
  JoinTaps(taps, kDownTaps, share.count, weight + share.first * kHidden * kDownTaps);
}

// Sums over all columns: the inner ones from the map's gradient, the outer ones through the exit's weights, where the
// activation is relu(down_bias).
template <typename T>
void DownBiasGradient(const Share<T>& share, const T* gradient, T* bias) {
  const PixelCnnBlockWeights<T>& weights = share.pass.weights->blocks[share.block];
  ChannelSums sums = SumShare(share, gradient, share.shape.inner_positions(), kHidden);
  for (int64_t o = 0; o < share.shape.channels; ++o) {
    const auto side = static_cast<double>(share.pass.gradients.sides[o]);
    for (int64_t c = 0; c < share.count; ++c) {
      if (weights.down_bias[share.first + c] <= 0) continue;
      sums[static_cast<size_t>(c)] += side * static_cast<double>(weights.exit[o * kHidden + share.first + c]);
    }
  }
  WriteBias(share, sums, bias);
}

template <typename T>
void DownGradient(const Share<T>& share) {
  const T* gradient = share.pass.gradients.down;
  if (T* weight = share.wanted(kDownWeight)) DownWeightGradient(share, gradient, weight);
  if (T* bias = share.wanted(kDownBias)) DownBiasGradient(share, gradient, bias);
}

template <typename T>
void ExitWeightGradient(const Share<T>& share, T* weight) {
  CorrelateShare(share, share.pass.gradients.exit, share.shape.channels, share.pass.activations.down[share.block],
                 kHidden, share.shape.inner_positions(), weight);
  const T* down_bias = share.pass.weights->blocks[share.block].down_bias;
  for (int64_t c = 0; c < share.count; ++c) {
    const T side = static_cast<T>(static_cast<double>(share.pass.gradients.sides[share.first + c]) * share.pass.scale);
    for (int64_t i = 0; i < kHidden; ++i) weight[c * kHidden + i] += side * Relu(down_bias[i]);
  }
}

template <typename T>
void ExitGradient(const Share<T>& share) {
  if (T* weight = share.wanted(kExitWeight)) ExitWeightGradient(share, weight + share.first * kHidden);
  if (T* bias = share.wanted(kExitBias)) {
    ChannelSums sums;
    std::copy_n(share.pass.gradients.sums + share.first, share.count, sums.begin());
    WriteBias(share, sums, bias);
  }
}

}  // namespace

int64_t ChannelSumItems(const PixelCnnShape& shape) { return ItemsOf(shape.channels); }

template <typename T>
void SumChannels(const PixelCnnShape& shape, const PixelCnnBackward<T>& pass, size_t block, int64_t item) {
  const int64_t first = item * kItemChannels;
  const Share<T> share{shape, pass, block, first, std::min(kItemChannels, shape.channels - first)};
  const bool sides = share.wanted(kExitWeight) != nullptr || share.wanted(kDownBias) != nullptr;
  if (!sides && share.wanted(kExitBias) == nullptr) return;
  const T* c = pass.gradients.c;
  const int64_t last = (shape.width - 1) * shape.column();
  ChannelSums sums = SumShare(share, c, shape.column(), shape.channels);
  AddColumnSums(c + last * shape.channels, shape.column(), shape.channels, first, share.count, sums.data());
  std::copy_n(sums.begin(), share.count, pass.gradients.sides + first);
  AddColumnSums(c + shape.column() * shape.channels, last - shape.column(), shape.channels, first, share.count,
                sums.data());
  std::copy_n(sums.begin(), share.count, pass.gradients.sums + first);
}

template <typename T>
void RunWeightGradients(const PixelCnnShape& shape, size_t block, absl::Span<const PixelCnnBackward<T>> passes,
                        Parallel& parallel) {
  const int64_t hidden_items = ItemsOf(kHidden);
  const int64_t items = 3 * hidden_items + ItemsOf(shape.channels);
  ForItems(passes, items, parallel, [&](const PixelCnnBackward<T>& pass, int64_t item) {
    const int64_t layer = std::min<int64_t>(item / hidden_items, 3);
    const int64_t first = (item - layer * hidden_items) * kItemChannels;
    const int64_t channels = layer == 3 ? shape.channels : kHidden;
    const Share<T> share{shape, pass, block, first, std::min(kItemChannels, channels - first)};
    switch (layer) {
      case 0:
        return AcrossGradient(share);
      case 1:
        return DownGradient(share);
      case 2:
        return EntryGradient(share);
      default:
        return ExitGradient(share);
    }
  });
}

template void SumChannels(const PixelCnnShape&, const PixelCnnBackward<float>&, size_t, int64_t);
template void SumChannels(const PixelCnnShape&, const PixelCnnBackward<double>&, size_t, int64_t);
template void RunWeightGradients(const PixelCnnShape&, size_t, absl::Span<const PixelCnnBackward<float>>, Parallel&);
template void RunWeightGradients(const PixelCnnShape&, size_t, absl::Span<const PixelCnnBackward<double>>, Parallel&);

}  // namespace lossd
