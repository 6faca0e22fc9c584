// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Products of the matrices of all groups, as exactly as the target asks for: operands are rounded, sums never are. On a
// processor long sums are formed in short runs (core/engine/short_sums.h), each an operation; a card's threads sum
// parts side by side.

#ifndef LOSSD_CORE_LOSSES_ATEN_PRODUCTS_H_
#define LOSSD_CORE_LOSSES_ATEN_PRODUCTS_H_

#include <ATen/core/Tensor.h>

#include "core/losses/aten/target.h"

namespace lossd::aten {

// What products of `type`, float32 or float64, read their operands as: bfloat16 where float32 ones are rounded.
at::ScalarType OperandType(const Target& target, at::ScalarType type);

// The operand that `values` are. Costs nothing where they are in that type already.
at::Tensor Operand(const Target& target, const at::Tensor& values);

// The products of [G, m, k] and [G, k, n], of operands or of what becomes such: in float32, or float64.
at::Tensor Multiply(const Target& target, const at::Tensor& left, const at::Tensor& right);

// Adds `factor` times them to `sum`, [G, m, n], in which either rows or columns lie side by side.
void AddProduct(const Target& target, at::Tensor sum, const at::Tensor& left, const at::Tensor& right,
                double factor = 1);

// Whether this LibTorch has products of bfloat16 for cards that are written as they were summed, in float32 (2.8 has).
bool HasNarrowProducts();

}  // namespace lossd::aten

#endif  // LOSSD_CORE_LOSSES_ATEN_PRODUCTS_H_
