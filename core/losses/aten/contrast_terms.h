// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The terms of a contrast (core/engine/contrast.h), whatever its pairs, of a stack of groups: blocks of rows' scores,
// which products form, sweeps turn into their own gradient, and products read again. The one implementation of
// contrasts on devices; losses bring operands and take gradients home.

#ifndef LOSSD_CORE_LOSSES_ATEN_CONTRAST_TERMS_H_
#define LOSSD_CORE_LOSSES_ATEN_CONTRAST_TERMS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "core/engine/contrast.h"
#include "core/losses/aten/group_tensors.h"
#include "core/losses/aten/target.h"

namespace lossd::aten {

// Rows or columns of all groups: [G, N, D], operands of the target's products, with any strides.
struct ContrastOperand {
  at::Tensor vectors;
  at::Tensor gradient;  // As the vectors, in the type that is computed in; added to. Undefined: not wanted.
  at::Tensor factor;    // Scores are this times those of the vectors: [G], float64. Undefined: once.
};

// What the terms are computed from.
struct ContrastOperands {
  ContrastOperand rows;
  ContrastOperand columns;           // May be the rows.
  at::ScalarType type = at::kFloat;  // In which scores and gradients are: float32 or float64.
  at::Tensor scale;                  // [G], float64: in place of the problem's. With kBlocks undefined.
  at::Tensor bias;                   // [G], float64; undefined where there is none.
  at::Tensor labels;                 // [G, rows], int64; undefined where pairs have none.
  at::Tensor pair_weights;           // [G, rows], float64; undefined where they are ones.
  // What decides which columns leave; undefined where none does. Bounds are [G, rows].
  at::Tensor guide_rows;
  at::Tensor guide_columns;
  at::Tensor bounds;
  // With kBlocks, in the gradient: weights of the loss and of the mean square, [G], float64, that undefined where it is
  // no part. Gradients by scores are formed without the power of two of both (core/engine/finite_cast.h).
  at::Tensor loss_weights;
  at::Tensor square_weights;
  int weight_exponent = 0;
  at::Tensor step_shares;  // With kSteps, in the gradient: of a row's loss of each step, [G, steps], float64.
  // [G, ContrastNumbers, rows], float64, groups with any stride: receives the rows' numbers.
  at::Tensor numbers;
};

// Numbers of a row, of each group.
enum ContrastNumber : int64_t {
  kRowLoss = 0,     // The row's share of the loss. With kBlocks the sum over its pairs; with kSteps that of step 1.
  kColumnLoss = 1,  // Its column's share.
  kSquares = 1,     // With kBlocks instead: the sum of x^2.
  kRight = 2,       // Whether no column left is above its pair.
  kBiasSlope = 2,   // With sigmoids instead: its part of the gradient by the bias.
};
int64_t ContrastNumbers(const ContrastProblem& problem);

// The first of the tiles of `rows` x `columns` scores that are held at a time: of whole rows where a row's gradient
// comes with its sum, as near a square as may be where it needs none or comes later.
Tile FirstTileOf(const ContrastProblem& problem, const Target& target, int64_t rows, int64_t columns);

// Bytes, for each group, of what a tile's parts sum up before they are joined, in a problem of so many rows.
int64_t PairPartBytes(const ContrastProblem& problem, at::ScalarType type, const Tile& tile, int64_t rows);

// Fills the operands' numbers and adds to their gradients. Stops between blocks where all `groups` are cancelled.
void RunTerms(const ContrastProblem& problem, Groups groups, const Target& target, const ContrastOperands& operands);

}  // namespace lossd::aten

#endif  // LOSSD_CORE_LOSSES_ATEN_CONTRAST_TERMS_H_
