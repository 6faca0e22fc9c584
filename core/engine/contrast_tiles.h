// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Contrasts on the processor, in tiles of scores that stay in the second-level cache. Blocks of rows meet blocks of
// columns. Where KeptTilesOf (contrast_setup.h) says so, scores are kept from the sums to the gradient: 6 M N D
// operations, as with sigmoid terms, which need no sums first. Others are formed twice, once for the sums and
// once for the gradient, and nothing of the size of all scores is kept: 8 M N D. Where rows meet themselves, scores are
// symmetric and each is formed for one of (i, k) and (k, i) only: half of that.

#ifndef LOSSD_CORE_ENGINE_CONTRAST_TILES_H_
#define LOSSD_CORE_ENGINE_CONTRAST_TILES_H_

#include <atomic>
#include <cstdint>
#include <vector>

#include "core/engine/contrast.h"
#include "core/engine/parallel.h"
#include "core/engine/row_operand.h"
#include "core/tensor/buffer_pool.h"

namespace lossd {

// What a contrast is computed of and where its gradients go. Pointers are not owned; T is float or double.
template <typename T>
struct ContrastOperands {
  typename RowOperand<T>::Parts rows;        // As the problem's.
  typename RowOperand<T>::Parts columns;     // Empty where rows meet themselves.
  typename RowOperand<T>::Parts guide_rows;  // Empty without exclusion.
  typename RowOperand<T>::Parts guide_columns;
  std::vector<int64_t> labels;  // One a row, with kLabels.
  double scale = 1;             // In place of the problem's.
  double bias = 0;
  double weight = 1;            // Upstream gradient of the loss.
  T* scale_gradient = nullptr;  // Null: not wanted.
  T* bias_gradient = nullptr;
};

// Bytes that ComputeContrast takes from the pool at most, with gradients or without.
template <typename T>
int64_t WorkspaceBytesOf(const ContrastProblem& problem, bool gradients);

// Computes the loss, and the gradients that are wanted (overwritten), times `weight`. Returns early, with a meaningless
// result, once `cancelled` (may be null) is true. Thread-safe. Same bits whatever `parallel` does. May throw what
// allocation throws.
template <typename T>
ContrastResult ComputeContrast(const ContrastProblem& problem, const ContrastOperands<T>& operands, BufferPool& pool,
                               const std::atomic<bool>* cancelled, Parallel& parallel);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_CONTRAST_TILES_H_
