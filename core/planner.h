// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Turns a request into a plan: the checks that all losses share, the choice of gradients, the bytes.

#ifndef LOSSD_CORE_PLANNER_H_
#define LOSSD_CORE_PLANNER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "core/loss_backend.h"
#include "core/losses/loss.h"
#include "core/losses/loss_config.h"
#include "core/tensor/dtype.h"

namespace lossd {

// Checks `request` against `loss`, the one it configures, and plans its computation. Fails with
//   INVALID_ARGUMENT naming the field (`inputs[z].shape`, `gradients.names`), where the caller must change the request;
//   RESOURCE_EXHAUSTED where the estimated operations exceed `max_request_flops`.
// The plan's inputs are in storage dtype. With `has_device` they are as sent and 16-bit gradients are computed as such:
// the loss's device widens and rounds, and requests that differ in that have other batch keys. The plan
// keeps a pointer to `loss`, which outlives it. Plan::bytes is the peak of all that it holds at a time, the largest
// int64_t where that cannot be counted. Thread-safe.
absl::StatusOr<std::shared_ptr<const Plan>> MakePlan(ComputeSpec request, const Loss& loss, double max_request_flops,
                                                     bool has_device = false);

}  // namespace lossd

#endif  // LOSSD_CORE_PLANNER_H_
