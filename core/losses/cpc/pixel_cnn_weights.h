// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The weights of the PixelCNN in the form in which its products read them: taps as matrices of their own, packed.
//
// Packed for both ways they take twice the memory of the parameters. So weights that serve one pass are packed while it
// runs: its blocks take turns in the memory of two, and for one way at a time.

#ifndef LOSSD_CORE_LOSSES_CPC_PIXEL_CNN_WEIGHTS_H_
#define LOSSD_CORE_LOSSES_CPC_PIXEL_CNN_WEIGHTS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "core/engine/parallel.h"
#include "core/engine/workspace.h"
#include "core/losses/cpc/pointwise_convolution.h"

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

// A block's weights. T is float or double.
template <typename T>
struct PixelCnnBlockWeights {
  PackedWeight<T> entry;
  std::array<PackedWeight<T>, kAcrossTaps> across;
  std::array<PackedWeight<T>, kDownTaps> down;
  PackedWeight<T> exit;
  // Borrowed. What is packed is not read any more, but for the exit's weight.
  std::array<const T*, kBlockParameters> parameters;
  T* top;   // [256]: what the row of ones adds to `down` in the first row.
  T* side;  // [C]: what the block adds in the first and the last column.
};

template <typename T>
struct PixelCnnWeights {
  std::array<PixelCnnBlockWeights<T>, kPixelCnnBlocks> blocks;
  // Blocks in turns: kArrangeScratchElements to pack with. Null: all are packed, for both ways.
  T* scratch;
  GemmPrecision precision;  // Of all products of the network.
};

// Where blocks are packed: each in memory of its own, or in turns, block k where block k - 2 was.
enum class BlockMemory { kOwn, kTurns };

// Elements of scratch memory that arranging weights takes.
inline constexpr int64_t kArrangeScratchElements = (kAcrossTaps + kDownTaps) * kPixelCnnHidden * kPixelCnnHidden;

// Takes memory for the weights that `parameters` (kPixelCnnParameters of them, block by block) are to be packed into.
// They are borrowed as long as the result is used. Products are to have this `precision`. `scratch` remains to be set
// for blocks in turns.
template <typename T>
PixelCnnWeights<T> TakePixelCnnWeights(int64_t channels, absl::Span<const T* const> parameters, BlockMemory memory,
                                       GemmPrecision precision, Workspace& workspace);

// Packs all blocks for both ways; they have memory of their own. `scratch` is free again afterwards.
template <typename T>
void PackPixelCnnWeights(const PixelCnnWeights<T>& weights, T* scratch, Parallel& parallel);

// Items that packing a block in turn is cut into; 0 if the blocks are all packed.
inline constexpr int64_t kBlockItems = 4;
template <typename T>
int64_t BlockItems(const PixelCnnWeights<T>& weights) {
  return weights.scratch == nullptr ? 0 : kBlockItems;
}

// Packs one of BlockItems items of a block in turn, for one way. They may run at the same time.
template <typename T>
void PackBlockInTurn(const PixelCnnWeights<T>& weights, size_t block, Way way, int64_t item);

// Splits weights [rows, columns, taps] into `taps` matrices [rows, columns], one behind the other.
template <typename T>
void SeparateTaps(const T* joined, int64_t taps, int64_t rows, int64_t columns, T* separate);

// The reverse for columns [first, first + columns) of `joined`, [rows, all_columns, taps].
template <typename T>
void JoinTaps(const T* separate, int64_t taps, int64_t rows, int64_t columns, int64_t first, int64_t all_columns,
              T* joined);

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_CPC_PIXEL_CNN_WEIGHTS_H_
