// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Terms of column moments (core/engine/column_moments.h) as grouped tensor operations, in chunks of columns.

#ifndef LOSSD_CORE_LOSSES_ATEN_MOMENTS_H_
#define LOSSD_CORE_LOSSES_ATEN_MOMENTS_H_

#include <cstdint>

#include "core/engine/column_moments.h"
#include "core/losses/aten/group_tensors.h"
#include "core/losses/aten/target.h"
#include "core/losses/loss_config.h"

namespace lossd::aten {

// Computes outputs, wanted gradients and objectives of the groups, which state the same problem, with products in
// `computed`: the type of their inputs, or FLOAT64.
void RunMoments(const MomentsProblem& problem, DType computed, Groups groups, const Target& target);

// Bytes that this takes for one group.
int64_t MomentsBytes(const MomentsProblem& problem, DType computed, const ComputeSpec& request, const Target& target);

}  // namespace lossd::aten

#endif  // LOSSD_CORE_LOSSES_ATEN_MOMENTS_H_
