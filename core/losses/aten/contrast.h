// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Contrasts (core/engine/contrast.h) of all requests of a run at once: products of LibTorch, and sweeps of our own
// between them, in blocks of rows.

#ifndef LOSSD_CORE_LOSSES_ATEN_CONTRAST_H_
#define LOSSD_CORE_LOSSES_ATEN_CONTRAST_H_

#include <cstdint>

#include "core/engine/contrast.h"
#include "core/losses/aten/group_tensors.h"
#include "core/losses/aten/target.h"
#include "core/losses/loss_config.h"

namespace lossd::aten {

// Computes outputs, wanted gradients and objectives of the groups, which state the same problem, in `computed`: the
// type of their inputs, or FLOAT64.
void RunContrast(const ContrastProblem& problem, DType computed, Groups groups, const Target& target);

// Bytes that this takes for one group.
int64_t ContrastBytes(const ContrastProblem& problem, DType computed, const ComputeSpec& request, const Target& target);

}  // namespace lossd::aten

#endif  // LOSSD_CORE_LOSSES_ATEN_CONTRAST_H_
