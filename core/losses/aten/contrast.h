// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Contrasts (core/engine/contrast.h) as grouped tensor operations: all requests of a run at once, in chunks of rows.
// Where columns have terms too, they take the rows' place in a second pass.

#ifndef LOSSD_CORE_LOSSES_ATEN_CONTRAST_H_
#define LOSSD_CORE_LOSSES_ATEN_CONTRAST_H_

#include <c10/core/Device.h>

#include <cstdint>

#include "core/engine/contrast.h"
#include "core/losses/aten/group_tensors.h"
#include "core/losses/loss_config.h"

namespace lossd::aten {

// Computes outputs, wanted gradients and objectives of the groups, which state the same problem.
void RunContrast(const ContrastProblem& problem, Groups groups, at::Device device);

// Bytes that this takes for one group.
int64_t ContrastBytes(const ContrastProblem& problem, const ComputeSpec& request, int64_t element_bytes,
                      at::Device device);

}  // namespace lossd::aten

#endif  // LOSSD_CORE_LOSSES_ATEN_CONTRAST_H_
