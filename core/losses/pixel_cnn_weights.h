// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The weights of the PixelCNN in the form in which its products read them.

#ifndef LOSSD_CORE_LOSSES_PIXEL_CNN_WEIGHTS_H_
#define LOSSD_CORE_LOSSES_PIXEL_CNN_WEIGHTS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "core/engine/workspace.h"

namespace lossd {

inline constexpr int kPixelCnnBlocks = 5;
inline constexpr int64_t kPixelCnnHidden = 256;
inline constexpr int64_t kAcrossTaps = 3;
inline constexpr int64_t kDownTaps = 2;  // The row above, the row itself.

// The parameters of a block, in the order of the state_dict.
enum PixelCnnParameter : size_t {
  kEntryWeight,   // [256, C, 1, 1]
  kEntryBias,     // [256]
  kAcrossWeight,  // [256, 256, 1, 3]
  kAcrossBias,    // [256]
  kDownWeight,    // [256, 256, 2, 1]
  kDownBias,      // [256]
  kExitWeight,    // [C, 256, 1, 1]
  kExitBias,      // [C]
  kBlockParameters,
};
inline constexpr size_t kPixelCnnParameters = kPixelCnnBlocks * kBlockParameters;

// Borrowed views of a block's weights. T is float or double.
template <typename T>
struct PixelCnnBlockWeights {
  const T* entry;                            // [256, C]
  const T* entry_bias;                       // [256]
  std::array<const T*, kAcrossTaps> across;  // [256, 256] each
  const T* across_bias;                      // [256]
  std::array<const T*, kDownTaps> down;      // [256, 256] each
  const T* down_bias;                        // [256]
  const T* exit;                             // [C, 256]
  const T* exit_bias;                        // [C]
  const T* top;                              // [256]: what the row of ones adds to `down` in the first row.
  const T* side;                             // [C]: what the block adds in the first and the last column.
};

template <typename T>
struct PixelCnnWeights {
  std::array<PixelCnnBlockWeights<T>, kPixelCnnBlocks> blocks;
};

// Arranges the parameters (kPixelCnnParameters of them, block by block) for the products: taps become matrices of their
// own, in memory taken from `workspace`; the rest is borrowed, as long as the result is used. Over a counting workspace
// it only counts.
template <typename T>
PixelCnnWeights<T> ArrangePixelCnnWeights(int64_t channels, absl::Span<const T* const> parameters,
                                          Workspace& workspace);

// Splits weights [256, 256, taps] into `taps` matrices [256, 256], one behind the other, and back for `rows` rows:
// `separate` is [taps, rows, 256], `joined` [rows, 256, taps].
template <typename T>
void SeparateTaps(const T* joined, int64_t taps, int64_t rows, T* separate);
template <typename T>
void JoinTaps(const T* separate, int64_t taps, int64_t rows, T* joined);

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_PIXEL_CNN_WEIGHTS_H_
