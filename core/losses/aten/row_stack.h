// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Rows of vectors of all groups as a contrast's products read them, and the way back to the gradients of the rows: what
// core/engine/row_operand.h is to the tiles.

#ifndef LOSSD_CORE_LOSSES_ATEN_ROW_STACK_H_
#define LOSSD_CORE_LOSSES_ATEN_ROW_STACK_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "core/engine/contrast.h"
#include "core/losses/aten/contrast_terms.h"
#include "core/losses/aten/group_tensors.h"
#include "core/losses/aten/target.h"

namespace lossd::aten {

// Not movable: nobody needs to. `parts` and `target` outlive it.
class RowStack {
 public:
  // Joins the parts of all groups; divides rows by their norms, or groups by a power of two that brings them into the
  // middle of their type's range. `type` is what this is computed in: that of the inputs, or float64.
  RowStack(Groups groups, absl::Span<const ContrastPart> parts, bool normalize, at::ScalarType type,
           const Target& target);
  RowStack(const RowStack&) = delete;
  RowStack& operator=(const RowStack&) = delete;

  const at::Tensor& rows() const { return rows_; }  // [G, R, D], operands of the target's products.
  // [G, R, D], of type(); undefined where nobody wants it.
  const at::Tensor& gradient() const { return gradient_; }
  void MakeGradient();
  // float32 or float64: that of scores and gradients.
  at::ScalarType type() const { return type_; }
  ContrastOperand operand() const { return {rows_, gradient_, factor_}; }
  // The rows are this, a power of two for each group, times what products read: [G], float64; undefined where rows are
  // divided by their norms.
  const at::Tensor& factor() const { return factor_; }

  // The gradient holds sums with respect to what products read. Writes those of the rows, times the product of
  // `factors`, [G], at most four, of which undefined ones are ones, to the groups that want them. Returns the sums over
  // each row of what products read times sum, [G, R], float64.
  at::Tensor WriteGradients(const std::vector<at::Tensor>& factors);

 private:
  // As what the rows are read: float32, or float64.
  at::ScalarType source_type() const { return source_.scalar_type() == at::kDouble ? at::kDouble : at::kFloat; }
  template <typename T>
  Vectors<T> Sources() const;
  // Calls body with zeros of the types of the source and of what is computed.
  template <typename Body>
  void ForTypes(const Body& body) const;

  const Groups groups_;
  const absl::Span<const ContrastPart> parts_;
  const bool normalize_;
  const at::ScalarType type_;
  const Target& target_;
  at::Tensor source_;  // [G, R, D]: the rows as they came.
  at::Tensor rows_;
  at::Tensor norms_;  // [G, R], float64.
  at::Tensor factor_;
  at::Tensor gradient_;
};

// The product of tensors [G], float64, at most four, as sweeps read it.
GroupProduct ProductOf(const std::vector<at::Tensor>& factors);

}  // namespace lossd::aten

#endif  // LOSSD_CORE_LOSSES_ATEN_ROW_STACK_H_
