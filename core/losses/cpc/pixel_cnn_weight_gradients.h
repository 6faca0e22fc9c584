// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Gradients of one PixelCNN block's weights and biases.

#ifndef LOSSD_CORE_LOSSES_CPC_PIXEL_CNN_WEIGHT_GRADIENTS_H_
#define LOSSD_CORE_LOSSES_CPC_PIXEL_CNN_WEIGHT_GRADIENTS_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "core/engine/parallel.h"
#include "core/losses/cpc/pixel_cnn_backward.h"

namespace lossd {

// Iterations that SumChannels is cut into.
int64_t ChannelSumItems(const PixelCnnShape& shape);

// Fills one item's share of gradients.sides and gradients.sums from gradients.c, as it is before the entry's part of
// `block` is added to it, if a gradient of the block needs them.
template <typename T>
void SumChannels(const PixelCnnShape& shape, const PixelCnnBackward<T>& pass, size_t block, int64_t item);

// Writes one of kExitWeightItems parts of the gradient of the exit's weight, if it is wanted: from gradients.c as it is
// before the entry's part is added, and gradients.sides.
inline constexpr int64_t kExitWeightItems = 4;
template <typename T>
void RunExitWeight(const PixelCnnShape& shape, size_t block, const PixelCnnBackward<T>& pass, int64_t item);

// Writes the wanted gradients of `block`'s other parameters, once the gradients of its maps are known.
template <typename T>
void RunWeightGradients(const PixelCnnShape& shape, size_t block, absl::Span<const PixelCnnBackward<T>> passes,
                        Parallel& parallel);

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_CPC_PIXEL_CNN_WEIGHT_GRADIENTS_H_
