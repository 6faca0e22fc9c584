// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The second operator: terms of the moments of columns (features) over the rows (samples) of two views z_1, z_2 [N, D],
// with their gradients. Of each view's covariance:
//   distance   = mean over all entries of (z_1 - z_2)^2
//   hinge      = 1/2 sum over views of mean_d max(0, 1 - sqrt(var_d + eps)), var unbiased
//   covariance = sum over views of (1/D) sum_{d != e} C_de^2, C the unbiased covariance of columns
// Of the correlation c = Z_1^T Z_2 / N between views, whose columns are centred and divided by sqrt(biased var + eps):
//   diagonal   = sum_d (c_dd - 1)^2
//   redundancy = sum_{d != e} c_de^2
// The loss is the sum of the terms times their weights; a term of weight 0 does not enter it.

#ifndef LOSSD_CORE_ENGINE_COLUMN_MOMENTS_H_
#define LOSSD_CORE_ENGINE_COLUMN_MOMENTS_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "core/engine/moments_problem.h"
#include "core/engine/parallel.h"
#include "core/tensor/buffer_pool.h"

namespace lossd {

// The loss, then the terms without their weights.
struct MomentsResult {
  std::array<double, 4> values = {0, 0, 0, 0};
};

// The views and where their gradients go (null: not wanted). Not owned; T is float or double.
template <typename T>
struct MomentsOperands {
  std::array<const T*, 2> views = {nullptr, nullptr};
  std::array<T*, 2> gradients = {nullptr, nullptr};
  double weight = 1;  // Upstream gradient of the loss.
};

// Bytes that ComputeMoments takes from the pool.
template <typename T>
int64_t WorkspaceBytesOf(const MomentsProblem& problem);

// Computes the terms, and the gradients that are wanted (overwritten), times `weight`. Returns early, with a
// meaningless result, once `cancelled` (may be null) is true. Thread-safe. Same bits whatever `parallel` does. May
// throw what allocation throws.
template <typename T>
MomentsResult ComputeMoments(const MomentsProblem& problem, const MomentsOperands<T>& operands, BufferPool& pool,
                             const std::atomic<bool>* cancelled, Parallel& parallel);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_COLUMN_MOMENTS_H_
