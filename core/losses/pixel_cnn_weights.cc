// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/pixel_cnn_weights.h"

#include <numeric>

#include "core/losses/channel_sweeps.h"

namespace lossd {
namespace {

constexpr int64_t kHidden = kPixelCnnHidden;
constexpr int64_t kTapElements = kHidden * kHidden;
constexpr int64_t kLayers = 4;  // Of a block.

// What arranging one block works with.
template <typename T>
struct BlockTask {
  absl::Span<const T* const> parameters;
  int64_t channels;
  PixelCnnBlockWeights<T> weights;
  T* top;
  T* side;
};

template <typename T>
BlockTask<T> TakeBlock(absl::Span<const T* const> parameters, int64_t channels, bool backward, Workspace& workspace) {
  BlockTask<T> task{parameters, channels, {}, nullptr, nullptr};
  PixelCnnBlockWeights<T>& weights = task.weights;
  weights.entry = TakePackedWeight<T>(channels, kHidden, backward, workspace);
  for (auto& tap : weights.across) tap = TakePackedWeight<T>(kHidden, kHidden, backward, workspace);
  for (auto& tap : weights.down) tap = TakePackedWeight<T>(kHidden, kHidden, backward, workspace);
  weights.exit = TakePackedWeight<T>(kHidden, channels, backward, workspace);
  weights.entry_bias = parameters[kEntryBias];
  weights.across_bias = parameters[kAcrossBias];
  weights.down_bias = parameters[kDownBias];
  weights.exit_bias = parameters[kExitBias];
  weights.exit_values = parameters[kExitWeight];
  weights.top = task.top = workspace.Take<T>(kHidden);
  weights.side = task.side = workspace.Take<T>(channels);
  return task;
}

template <typename T, size_t kTaps>
void FillTaps(const T* joined, const std::array<PackedWeight<T>, kTaps>& taps, T* scratch) {
  SeparateTaps(joined, kTaps, kHidden, kHidden, scratch);
  for (size_t t = 0; t < kTaps; ++t) FillPackedWeight(scratch + static_cast<int64_t>(t) * kTapElements, taps[t]);
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
void FillSide(const PixelCnnBlockWeights<T>& block, int64_t channels, T* side) {
  for (int64_t o = 0; o < channels; ++o) {
    double sum = static_cast<double>(block.exit_bias[o]);
    for (int64_t i = 0; i < kHidden; ++i) {
      sum += static_cast<double>(block.exit_values[o * kHidden + i]) * static_cast<double>(Relu(block.down_bias[i]));
    }
    side[o] = static_cast<T>(sum);
  }
}

template <typename T>
void FillLayer(const BlockTask<T>& task, int64_t layer, T* scratch) {
  switch (layer) {
    case 0:
      return FillTaps(task.parameters[kAcrossWeight], task.weights.across, scratch);
    case 1:
      FillTop(task.parameters[kDownWeight], task.top);
      return FillTaps(task.parameters[kDownWeight], task.weights.down, scratch + kAcrossTaps * kTapElements);
    case 2:
      return FillPackedWeight(task.parameters[kEntryWeight], task.weights.entry);
    default:
      FillSide(task.weights, task.channels, task.side);
      return FillPackedWeight(task.parameters[kExitWeight], task.weights.exit);
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
PixelCnnWeights<T> ArrangePixelCnnWeights(int64_t channels, absl::Span<const T* const> parameters, bool backward,
                                          T* scratch, Workspace& workspace, Parallel& parallel) {
  PixelCnnWeights<T> weights{};
  for (size_t k = 0; k < kPixelCnnBlocks; ++k) {
    const BlockTask<T> task =
        TakeBlock(parameters.subspan(k * kBlockParameters, kBlockParameters), channels, backward, workspace);
    weights.blocks[k] = task.weights;
    if (task.top != nullptr) parallel.For(kLayers, [&](int64_t layer) { FillLayer(task, layer, scratch); });
  }
  return weights;
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

template PixelCnnWeights<float> ArrangePixelCnnWeights(int64_t, absl::Span<const float* const>, bool, float*,
                                                       Workspace&, Parallel&);
template PixelCnnWeights<double> ArrangePixelCnnWeights(int64_t, absl::Span<const double* const>, bool, double*,
                                                        Workspace&, Parallel&);
template void SeparateTaps(const float*, int64_t, int64_t, int64_t, float*);
template void SeparateTaps(const double*, int64_t, int64_t, int64_t, double*);
template void JoinTaps(const float*, int64_t, int64_t, int64_t, int64_t, int64_t, float*);
template void JoinTaps(const double*, int64_t, int64_t, int64_t, int64_t, int64_t, double*);

}  // namespace lossd
