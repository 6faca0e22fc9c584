// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Rows of vectors of all groups as a contrast's products read them, and the way back to the gradients of the rows: what
// core/engine/row_operand.h is to the tiles.

#ifndef LOSSD_CORE_LOSSES_ATEN_ROW_STACK_H_
#define LOSSD_CORE_LOSSES_ATEN_ROW_STACK_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "core/engine/contrast.h"
#include "core/losses/aten/group_tensors.h"

namespace lossd::aten {

class RowStack {
 public:
  // Joins the parts of all groups; divides rows by their norms, or groups by a power of two that brings them into the
  // middle of their type's range.
  RowStack(Groups groups, const std::vector<ContrastPart>& parts, bool normalize, at::Device device);

  // The rows of the first part alone, which share this one's gradient. `parts`, that part, must outlive it.
  RowStack Head(const std::vector<ContrastPart>& parts) const;

  const at::Tensor& rows() const { return rows_; }          // [G, R, D], as products read them.
  const at::Tensor& gradient() const { return gradient_; }  // Likewise; undefined where nobody wants it.
  void MakeGradient() { gradient_ = rows_.new_zeros(rows_.sizes()); }
  // The rows are this, a power of two for each group, times what products read: [G], float64.
  const at::Tensor& factor() const { return factor_; }

  // The gradient holds sums with respect to what products read. Writes those of the rows, times `factors` [G], to the
  // groups that want them. Returns the sum over all elements of row times sum, [G], float64.
  at::Tensor WriteGradients(const at::Tensor& factors);

 private:
  const Groups groups_;
  const std::vector<ContrastPart>* parts_;  // Not owned; outlives this.
  const bool normalize_;
  at::Tensor rows_;
  at::Tensor norms_;  // [G, R, 1], float64.
  at::Tensor factor_;
  at::Tensor gradient_;
};

}  // namespace lossd::aten

#endif  // LOSSD_CORE_LOSSES_ATEN_ROW_STACK_H_
