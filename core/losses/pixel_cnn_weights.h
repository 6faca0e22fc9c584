// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The weights of the PixelCNN in the form in which its products read them.

#ifndef LOSSD_CORE_LOSSES_PIXEL_CNN_WEIGHTS_H_
#define LOSSD_CORE_LOSSES_PIXEL_CNN_WEIGHTS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "core/engine/parallel.h"
#include "core/engine/workspace.h"
#include "core/losses/pointwise_convolution.h"

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

// A block's weights; biases and exit_values are borrowed. T is float or double.
template <typename T>
struct PixelCnnBlockWeights {
  PackedWeight<T> entry;
  std::array<PackedWeight<T>, kAcrossTaps> across;
  std::array<PackedWeight<T>, kDownTaps> down;
  PackedWeight<T> exit;
  const T* entry_bias;   // [256]
  const T* across_bias;  // [256]
  const T* down_bias;    // [256]
  const T* exit_bias;    // [C]
  const T* exit_values;  // [C, 256], not packed.
  const T* top;          // [256]: what the row of ones adds to `down` in the first row.
  const T* side;         // [C]: what the block adds in the first and the last column.
};

template <typename T>
struct PixelCnnWeights {
  std::array<PixelCnnBlockWeights<T>, kPixelCnnBlocks> blocks;
};

// Elements of scratch memory that arranging weights takes.
inline constexpr int64_t kArrangeScratchElements = (kAcrossTaps + kDownTaps) * kPixelCnnHidden * kPixelCnnHidden;

// Arranges the parameters (kPixelCnnParameters of them, block by block) for the products, in memory taken from
// `workspace`: taps become matrices of their own, packed for the forward pass and, if `backward`, for the way back. The
// rest is borrowed, as long as the result is used; `scratch` is free again afterwards. Over a counting workspace it
// only counts.
template <typename T>
PixelCnnWeights<T> ArrangePixelCnnWeights(int64_t channels, absl::Span<const T* const> parameters, bool backward,
                                          T* scratch, Workspace& workspace, Parallel& parallel);

// Splits weights [rows, columns, taps] into `taps` matrices [rows, columns], one behind the other.
template <typename T>
void SeparateTaps(const T* joined, int64_t taps, int64_t rows, int64_t columns, T* separate);

// The reverse for columns [first, first + columns) of `joined`, [rows, all_columns, taps].
template <typename T>
void JoinTaps(const T* separate, int64_t taps, int64_t rows, int64_t columns, int64_t first, int64_t all_columns,
              T* joined);

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_PIXEL_CNN_WEIGHTS_H_
