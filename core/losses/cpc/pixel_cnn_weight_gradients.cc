// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/cpc/pixel_cnn_weight_gradients.h"

#include <algorithm>
#include <array>

#include "core/engine/rounding.h"
#include "core/engine/row_tiles.h"
#include "core/losses/cpc/channel_sweeps.h"
#include "core/losses/cpc/pixel_cnn_columns.h"
#include "core/losses/cpc/pointwise_convolution.h"

namespace lossd {
namespace {

constexpr int64_t kHidden = kPixelCnnHidden;
constexpr int64_t kItemChannels = 64;  // Input channels of an iteration over a weight's gradient; see kPanelColumns.
constexpr int64_t kBiasItems = 4;      // One for each bias of a block.

constexpr int64_t ItemsOf(int64_t channels) { return CeilDiv(channels, kItemChannels); }
static_assert(kExitWeightItems == ItemsOf(kHidden));

// Slice `item` of a layer's input channels.
InputChannels SliceOf(int64_t channels, int64_t item) {
  const int64_t first = item * kItemChannels;
  return {first, std::min(kItemChannels, channels - first)};
}

// The sums over the rows of `gradient` [rows, 256].
using HiddenSums = std::array<double, kHidden>;

template <typename T>
HiddenSums SumHidden(const T* gradient, int64_t rows) {
  HiddenSums sums{};
  AddColumnSums(gradient, rows, kHidden, 0, kHidden, sums.data());
  return sums;
}

// One block of one pass.
template <typename T>
struct BlockGradients {
  const PixelCnnShape& shape;
  const PixelCnnBackward<T>& pass;
  size_t block;

  T* wanted(PixelCnnParameter parameter) const { return pass.parameters[block * kBlockParameters + parameter]; }
  T scale() const { return static_cast<T>(pass.scale); }
  const PixelCnnBlockWeights<T>& weights() const { return pass.weights->blocks[block]; }
};

template <typename T>
void EntryWeight(const BlockGradients<T>& of, InputChannels channels) {
  T* weight = of.wanted(kEntryWeight);
  if (weight == nullptr) return;
  const int64_t in = of.shape.channels;
  Correlate(RowsOfMap<T>(of.pass.gradients.entry, kHidden), kHidden, RowsOfMap<T>(of.pass.activations.c[of.block], in),
            of.shape.positions(), channels, of.scale(), of.pass.weights->precision, weight + channels.first, in);
}

template <typename T>
void AcrossWeight(const BlockGradients<T>& of, InputChannels channels) {
  T* weight = of.wanted(kAcrossWeight);
  if (weight == nullptr) return;
  T* taps = of.pass.gradients.taps + kAcrossTaps * kHidden * channels.first;
  for (int64_t tap = 0; tap < kAcrossTaps; ++tap) {
    Correlate(RowsOfMap<T>(of.pass.gradients.across, kHidden), kHidden,
              InnerColumns<T>(of.shape, of.pass.activations.entry[of.block], kHidden, tap), of.shape.inner_positions(),
              channels, of.scale(), of.pass.weights->precision, taps + tap * kHidden * channels.count, channels.count);
  }
  JoinTaps(taps, kAcrossTaps, kHidden, channels.count, channels.first, kHidden, weight);
}

// The row of ones meets the first row of the map: it adds the sum of that row's gradients to every input channel.
template <typename T>
void AddTop(const BlockGradients<T>& of, int64_t channels, T* tap) {
  const HiddenSums sums = SumHidden(of.pass.gradients.down, of.shape.row());
  for (int64_t o = 0; o < kHidden; ++o) {
    const T sum = static_cast<T>(sums[static_cast<size_t>(o)] * of.pass.scale);
    for (int64_t i = 0; i < channels; ++i) tap[o * channels + i] += sum;
  }
}

template <typename T>
void DownWeight(const BlockGradients<T>& of, InputChannels channels) {
  T* weight = of.wanted(kDownWeight);
  if (weight == nullptr) return;
  T* taps = of.pass.gradients.taps + (kAcrossTaps * kHidden + kDownTaps * channels.first) * kHidden;
  const T* gradient = of.pass.gradients.down;
  const BlockedView<T> input = RowsOfMap<T>(of.pass.activations.across[of.block], kHidden);
  const int64_t row = of.shape.row();
  const int64_t rows = of.shape.inner_positions();
  Correlate(RowsOfMap(gradient + row * kHidden, kHidden), kHidden, input, rows - row, channels, of.scale(),
            of.pass.weights->precision, taps, channels.count);
  AddTop(of, channels.count, taps);
  Correlate(RowsOfMap(gradient, kHidden), kHidden, input, rows, channels, of.scale(), of.pass.weights->precision,
            taps + kHidden * channels.count, channels.count);
  JoinTaps(taps, kDownTaps, kHidden, channels.count, channels.first, kHidden, weight);
}

// The outer columns meet relu(down_bias).
template <typename T>
void ExitWeight(const BlockGradients<T>& of, InputChannels channels) {
  T* weight = of.wanted(kExitWeight);
  if (weight == nullptr) return;
  Correlate(InnerColumns<T>(of.shape, of.pass.gradients.c, of.shape.channels, 1), of.shape.channels,
            RowsOfMap<T>(of.pass.activations.down[of.block], kHidden), of.shape.inner_positions(), channels, of.scale(),
            of.pass.weights->precision, weight + channels.first, kHidden);
  const T* down_bias = of.weights().parameters[kDownBias] + channels.first;
  for (int64_t o = 0; o < of.shape.channels; ++o) {
    const T side = static_cast<T>(of.pass.gradients.sides[o] * of.pass.scale);
    T* row = weight + o * kHidden + channels.first;
    for (int64_t i = 0; i < channels.count; ++i) row[i] += side * Relu(down_bias[i]);
  }
}

// Adds to the sums of `down` over the inner columns those over the outer ones, through the exit's weights.
template <typename T>
void AddSides(const BlockGradients<T>& of, HiddenSums& sums) {
  const T* down_bias = of.weights().parameters[kDownBias];
  for (int64_t o = 0; o < of.shape.channels; ++o) {
    const double side = of.pass.gradients.sides[o];
    const T* exit = of.weights().parameters[kExitWeight] + o * kHidden;
    for (size_t i = 0; i < kHidden; ++i) sums[i] += down_bias[i] <= 0 ? 0.0 : side * static_cast<double>(exit[i]);
  }
}

template <typename T>
void WriteBias(const double* sums, int64_t count, double scale, T* bias) {
  for (int64_t c = 0; c < count; ++c) bias[c] = static_cast<T>(sums[c] * scale);
}

template <typename T>
void HiddenBias(const BlockGradients<T>& of, PixelCnnParameter parameter, const T* gradient, int64_t rows) {
  T* bias = of.wanted(parameter);
  if (bias == nullptr) return;
  HiddenSums sums = SumHidden(gradient, rows);
  if (parameter == kDownBias) AddSides(of, sums);
  WriteBias(sums.data(), kHidden, of.pass.scale, bias);
}

template <typename T>
void Bias(const BlockGradients<T>& of, int64_t item) {
  const PixelCnnGradients<T>& g = of.pass.gradients;
  switch (item) {
    case 0:
      return HiddenBias(of, kEntryBias, g.entry, of.shape.positions());
    case 1:
      return HiddenBias(of, kAcrossBias, g.across, of.shape.inner_positions());
    case 2:
      return HiddenBias(of, kDownBias, g.down, of.shape.inner_positions());
    default:
      if (T* bias = of.wanted(kExitBias)) WriteBias(g.sums, of.shape.channels, of.pass.scale, bias);
  }
}

}  // namespace

int64_t ChannelSumItems(const PixelCnnShape& shape) { return ItemsOf(shape.channels); }

template <typename T>
void SumChannels(const PixelCnnShape& shape, const PixelCnnBackward<T>& pass, size_t block, int64_t item) {
  const BlockGradients<T> of{shape, pass, block};
  const bool sides = of.wanted(kExitWeight) != nullptr || of.wanted(kDownBias) != nullptr;
  if (!sides && of.wanted(kExitBias) == nullptr) return;
  const auto [first, count] = SliceOf(shape.channels, item);
  const int64_t channels = shape.channels;
  const T* c = pass.gradients.c;
  double* sums = pass.gradients.sums + first;
  const auto add = [&, first = first, count = count](int64_t r, int64_t begin, int64_t positions) {
    AddColumnSums(c + (r * shape.full_row() + begin) * channels, positions, channels, first, count, sums);
  };
  std::fill_n(sums, count, 0.0);
  for (int64_t r = 0; r < shape.rows(); ++r) {
    add(r, 0, shape.batch);
    add(r, shape.full_row() - shape.batch, shape.batch);
  }
  std::copy_n(sums, count, pass.gradients.sides + first);
  for (int64_t r = 0; r < shape.rows(); ++r) add(r, shape.batch, shape.row());
}

template <typename T>
void RunExitWeight(const PixelCnnShape& shape, size_t block, const PixelCnnBackward<T>& pass, int64_t item) {
  ExitWeight(BlockGradients<T>{shape, pass, block}, SliceOf(kHidden, item));
}

template <typename T>
void RunWeightGradients(const PixelCnnShape& shape, size_t block, absl::Span<const PixelCnnBackward<T>> passes,
                        Parallel& parallel) {
  const int64_t slices = ItemsOf(kHidden);
  const int64_t items = 2 * slices + ItemsOf(shape.channels) + kBiasItems;
  ForItems(passes, items, parallel, [&](const PixelCnnBackward<T>& pass, int64_t item) {
    const BlockGradients<T> of{shape, pass, block};
    if (item < slices) return AcrossWeight(of, SliceOf(kHidden, item));
    if (item < 2 * slices) return DownWeight(of, SliceOf(kHidden, item - slices));
    if (item < items - kBiasItems) return EntryWeight(of, SliceOf(shape.channels, item - 2 * slices));
    Bias(of, item - (items - kBiasItems));
  });
}

template void SumChannels(const PixelCnnShape&, const PixelCnnBackward<float>&, size_t, int64_t);
template void SumChannels(const PixelCnnShape&, const PixelCnnBackward<double>&, size_t, int64_t);
template void RunExitWeight(const PixelCnnShape&, size_t, const PixelCnnBackward<float>&, int64_t);
template void RunExitWeight(const PixelCnnShape&, size_t, const PixelCnnBackward<double>&, int64_t);
template void RunWeightGradients(const PixelCnnShape&, size_t, absl::Span<const PixelCnnBackward<float>>, Parallel&);
template void RunWeightGradients(const PixelCnnShape&, size_t, absl::Span<const PixelCnnBackward<double>>, Parallel&);

}  // namespace lossd
