// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The terms of a contrast (core/engine/contrast.h) of a stack of groups: blocks of rows' scores, which products form,
// sweeps turn into their own gradient, and products read again.

#ifndef LOSSD_CORE_LOSSES_ATEN_CONTRAST_TERMS_H_
#define LOSSD_CORE_LOSSES_ATEN_CONTRAST_TERMS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "core/engine/contrast.h"
#include "core/losses/aten/group_tensors.h"
#include "core/losses/aten/row_stack.h"
#include "core/losses/aten/target.h"

namespace lossd::aten {

// What the terms are computed from. Gradients of rows and columns, where there are such, are added to.
struct ContrastOperands {
  RowStack* rows = nullptr;     // Not owned.
  RowStack* columns = nullptr;  // Not owned; may be the rows.
  at::Tensor scale;             // [G], float64: of <row, column>.
  at::Tensor bias;              // [G], float64; undefined where there is none.
  at::Tensor labels;            // [G, rows], int64; undefined where pairs have none.
  at::Tensor pair_weights;      // [G, rows], float64; undefined where they are ones.
  // What decides which columns leave; undefined where none does. Bounds are [G, rows].
  at::Tensor guide_rows;
  at::Tensor guide_columns;
  at::Tensor bounds;
};

// Numbers of a contrast, of each group.
enum ContrastNumber : int64_t {
  kRowLoss = 0,     // The rows' share of the loss.
  kColumnLoss = 1,  // The columns'.
  kRight = 2,       // Rows with no column left above their pair.
  kBiasSlope = 2,   // With sigmoids instead: the gradient by the bias.
};
inline constexpr int64_t kContrastNumbers = 3;

// Returns the numbers: [G, kContrastNumbers], float64. Stops between blocks where all `groups` are cancelled.
at::Tensor RunTerms(const ContrastProblem& problem, Groups groups, const Target& target,
                    const ContrastOperands& operands);

}  // namespace lossd::aten

#endif  // LOSSD_CORE_LOSSES_ATEN_CONTRAST_TERMS_H_
