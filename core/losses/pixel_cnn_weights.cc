// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/pixel_cnn_weights.h"

#include "core/losses/channel_sweeps.h"

namespace lossd {
namespace {

constexpr int64_t kHidden = kPixelCnnHidden;
constexpr int64_t kTapElements = kHidden * kHidden;

// The sums of the rows of the tap that meets the row of ones.
template <typename T>
void FillTop(const T* tap, T* top) {
  for (int64_t o = 0; o < kHidden; ++o) {
    double sum = 0;
    for (int64_t i = 0; i < kHidden; ++i) sum += static_cast<double>(tap[o * kHidden + i]);
    top[o] = static_cast<T>(sum);
  }
}

// exit relu(down_bias) + exit_bias.
template <typename T>
void FillSide(const PixelCnnBlockWeights<T>& block, int64_t channels, T* side) {
  for (int64_t o = 0; o < channels; ++o) {
    double sum = static_cast<double>(block.exit_bias[o]);
    for (int64_t i = 0; i < kHidden; ++i) {
      sum += static_cast<double>(block.exit[o * kHidden + i]) * static_cast<double>(Relu(block.down_bias[i]));
    }
    side[o] = static_cast<T>(sum);
  }
}

template <typename T>
void FillArranged(absl::Span<const T* const> p, int64_t channels, T* across, T* down, T* top, T* side,
                  PixelCnnBlockWeights<T>& block) {
  block = {.entry = p[kEntryWeight],
           .entry_bias = p[kEntryBias],
           .across = {across, across + kTapElements, across + 2 * kTapElements},
           .across_bias = p[kAcrossBias],
           .down = {down, down + kTapElements},
           .down_bias = p[kDownBias],
           .exit = p[kExitWeight],
           .exit_bias = p[kExitBias],
           .top = top,
           .side = side};
  SeparateTaps(p[kAcrossWeight], kAcrossTaps, kHidden, across);
  SeparateTaps(p[kDownWeight], kDownTaps, kHidden, down);
  FillTop(block.down[0], top);
  FillSide(block, channels, side);
}

}  // namespace

template <typename T>
PixelCnnWeights<T> ArrangePixelCnnWeights(int64_t channels, absl::Span<const T* const> parameters,
                                          Workspace& workspace) {
  PixelCnnWeights<T> weights{};
  for (size_t k = 0; k < kPixelCnnBlocks; ++k) {
    T* across = workspace.Take<T>(kAcrossTaps * kTapElements);
    T* down = workspace.Take<T>(kDownTaps * kTapElements);
    T* top = workspace.Take<T>(kHidden);
    T* side = workspace.Take<T>(channels);
    if (across == nullptr) continue;
    FillArranged(parameters.subspan(k * kBlockParameters, kBlockParameters), channels, across, down, top, side,
                 weights.blocks[k]);
  }
  return weights;
}

template <typename T>
void SeparateTaps(const T* joined, int64_t taps, int64_t rows, T* separate) {
  const int64_t count = rows * kHidden;
  for (int64_t t = 0; t < taps; ++t) {
    for (int64_t i = 0; i < count; ++i) separate[t * count + i] = joined[i * taps + t];
  }
}

template <typename T>
void JoinTaps(const T* separate, int64_t taps, int64_t rows, T* joined) {
  const int64_t count = rows * kHidden;
  for (int64_t t = 0; t < taps; ++t) {
    for (int64_t i = 0; i < count; ++i) joined[i * taps + t] = separate[t * count + i];
  }
}

template PixelCnnWeights<float> ArrangePixelCnnWeights(int64_t, absl::Span<const float* const>, Workspace&);
template PixelCnnWeights<double> ArrangePixelCnnWeights(int64_t, absl::Span<const double* const>, Workspace&);
template void SeparateTaps(const float*, int64_t, int64_t, float*);
template void SeparateTaps(const double*, int64_t, int64_t, double*);
template void JoinTaps(const float*, int64_t, int64_t, float*);
template void JoinTaps(const double*, int64_t, int64_t, double*);

}  // namespace lossd
