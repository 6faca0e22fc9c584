// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/cpc/pixel_cnn_weights.h"

#include <algorithm>
#include <numeric>

#include "core/losses/cpc/channel_sweeps.h"

namespace lossd {
namespace {

constexpr int64_t kHidden = kPixelCnnHidden;
constexpr int64_t kTapElements = kHidden * kHidden;

// The memory of a block's packed weights.
template <typename T, typename Take>
void TakePacked(const Take& take, int64_t channels, PixelCnnBlockWeights<T>& weights) {
  weights.entry = take(channels, kHidden);
  for (auto& tap : weights.across) tap = take(kHidden, kHidden);
  for (auto& tap : weights.down) tap = take(kHidden, kHidden);
  weights.exit = take(kHidden, channels);
}

template <typename T, size_t kTaps>
void FillTaps(const T* joined, Way way, const std::array<PackedWeight<T>, kTaps>& taps, T* scratch) {
  SeparateTaps(joined, kTaps, kHidden, kHidden, scratch);
  for (size_t t = 0; t < kTaps; ++t) FillPackedWeight(scratch + static_cast<int64_t>(t) * kTapElements, way, taps[t]);
}

// The sums of the rows of the tap that meets the row of ones, which lies in front of the other one. Several sums at a
// time: a single one waits for itself.
template <typename T>
void FillTop(const T* down, T* top) {
  constexpr int64_t kSums = 8;
  for (int64_t o = 0; o < kHidden; ++o) {
    std::array<double, kSums> sums{};
    for (int64_t i = 0; i < kHidden; i += kSums) {
      for (int64_t j = 0; j < kSums; ++j) {
        sums[static_cast<size_t>(j)] += static_cast<double>(down[(o * kHidden + i + j) * kDownTaps]);
      }
    }
    top[o] = static_cast<T>(std::accumulate(sums.begin(), sums.end(), 0.0));
  }
}

// exit relu(down_bias) + exit_bias.
template <typename T>
void FillSide(const PixelCnnBlockWeights<T>& block) {
  const T* exit = block.parameters[kExitWeight];
  const T* down_bias = block.parameters[kDownBias];
  for (int64_t o = 0; o < block.exit.out; ++o) {
    auto sum = static_cast<double>(block.parameters[kExitBias][o]);
    for (int64_t i = 0; i < kHidden; ++i) {
      sum += static_cast<double>(exit[o * kHidden + i]) * static_cast<double>(Relu(down_bias[i]));
    }
    block.side[o] = static_cast<T>(sum);
  }
}

// One of kBlockItems items.
template <typename T>
void PackItem(const PixelCnnBlockWeights<T>& block, Way way, int64_t item, T* scratch) {
  switch (item) {
    case 0:
      return FillTaps(block.parameters[kAcrossWeight], way, block.across, scratch);
    case 1:
      if (way == Way::kForward) FillTop(block.parameters[kDownWeight], block.top);
      return FillTaps(block.parameters[kDownWeight], way, block.down, scratch + kAcrossTaps * kTapElements);
    case 2:
      return FillPackedWeight(block.parameters[kEntryWeight], way, block.entry);
    default:
      if (way == Way::kForward) FillSide(block);
      return FillPackedWeight(block.parameters[kExitWeight], way, block.exit);
  }
}

template <int64_t kTaps, typename T>
void Separate(const T* joined, int64_t count, T* separate) {
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t t = 0; t < kTaps; ++t) separate[t * count + i] = joined[i * kTaps + t];
  }
}

template <int64_t kTaps, typename T>
void Join(const T* separate, int64_t step, int64_t count, T* joined) {
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t t = 0; t < kTaps; ++t) joined[i * kTaps + t] = separate[t * step + i];
  }
}

}  // namespace

template <typename T>
PixelCnnWeights<T> TakePixelCnnWeights(int64_t channels, absl::Span<const T* const> parameters, BlockMemory memory,
                                       GemmPrecision precision, Workspace& workspace) {
  PixelCnnWeights<T> weights{};
  weights.precision = precision;
  for (size_t k = 0; k < kPixelCnnBlocks; ++k) {
    PixelCnnBlockWeights<T>& block = weights.blocks[k];
    if (memory == BlockMemory::kOwn) {
      TakePacked([&](int64_t in, int64_t out) { return TakePackedWeight<T>(in, out, precision, workspace); }, channels,
                 block);
    } else if (k < 2) {
      TakePacked([&](int64_t in, int64_t out) { return TakeWeightOfOneWay<T>(in, out, precision, workspace); },
                 channels, block);
    } else {
      block = weights.blocks[k - 2];
    }
    std::copy_n(parameters.begin() + k * kBlockParameters, kBlockParameters, block.parameters.begin());
    block.top = workspace.Take<T>(kHidden);
    block.side = workspace.Take<T>(channels);
  }
  return weights;
}

template <typename T>
void PackPixelCnnWeights(const PixelCnnWeights<T>& weights, T* scratch, Parallel& parallel) {
  for (const PixelCnnBlockWeights<T>& block : weights.blocks) {
    parallel.For(kBlockItems, [&](int64_t item) {
      for (const Way way : {Way::kForward, Way::kBackward}) PackItem(block, way, item, scratch);
    });
  }
}

template <typename T>
void PackBlockInTurn(const PixelCnnWeights<T>& weights, size_t block, Way way, int64_t item) {
  PackItem(weights.blocks[block], way, item, weights.scratch);
}

template <typename T>
void SeparateTaps(const T* joined, int64_t taps, int64_t rows, int64_t columns, T* separate) {
  taps == kAcrossTaps ? Separate<kAcrossTaps>(joined, rows * columns, separate)
                      : Separate<kDownTaps>(joined, rows * columns, separate);
}

template <typename T>
void JoinTaps(const T* separate, int64_t taps, int64_t rows, int64_t columns, int64_t first, int64_t all_columns,
              T* joined) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* from = separate + r * columns;
    T* to = joined + (r * all_columns + first) * taps;
    taps == kAcrossTaps ? Join<kAcrossTaps>(from, rows * columns, columns, to)
                        : Join<kDownTaps>(from, rows * columns, columns, to);
  }
}

template PixelCnnWeights<float> TakePixelCnnWeights(int64_t, absl::Span<const float* const>, BlockMemory, GemmPrecision,
                                                    Workspace&);
template PixelCnnWeights<double> TakePixelCnnWeights(int64_t, absl::Span<const double* const>, BlockMemory,
                                                     GemmPrecision, Workspace&);
template void PackPixelCnnWeights(const PixelCnnWeights<float>&, float*, Parallel&);
template void PackPixelCnnWeights(const PixelCnnWeights<double>&, double*, Parallel&);
template void PackBlockInTurn(const PixelCnnWeights<float>&, size_t, Way, int64_t);
template void PackBlockInTurn(const PixelCnnWeights<double>&, size_t, Way, int64_t);
template void SeparateTaps(const float*, int64_t, int64_t, int64_t, float*);
template void SeparateTaps(const double*, int64_t, int64_t, int64_t, double*);
template void JoinTaps(const float*, int64_t, int64_t, int64_t, int64_t, int64_t, float*);
template void JoinTaps(const double*, int64_t, int64_t, int64_t, int64_t, int64_t, double*);

}  // namespace lossd
