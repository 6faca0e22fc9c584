// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Runs one batch of tasks: the only place where a computation's exceptions are caught.

#ifndef LOSSD_CORE_BATCH_RUNNER_H_
#define LOSSD_CORE_BATCH_RUNNER_H_

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/loss_backend.h"
#include "core/losses/loss.h"

namespace lossd {

// One result for each task of a batch. Most batches have one.
using BatchResults = absl::InlinedVector<absl::StatusOr<ComputeResult>, 1>;

// Computes `batch`, tasks of one batch key, with `loss`, which is the one that planned them or the same on another
// device, and returns their results in order (queue,
// compute and batch_requests are left to the caller). Allocates outputs and gradients from `context.pool`, those of a
// request as one region where there is a lane, lets the loss fill
// them, rounds gradients, and looks for non-finite values as each request's policy says. If a batch of several fails by
// an exception, its tasks are tried again one by one, so that one request's failure is not another's. Thread-safe; does
// not throw.
BatchResults RunBatch(const Loss& loss, absl::Span<const ComputeTask* const> batch, const RunContext& context);

}  // namespace lossd

#endif  // LOSSD_CORE_BATCH_RUNNER_H_
