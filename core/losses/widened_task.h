// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A float32 task as a float64 one: for problems so small that float64 costs next to nothing. The fewer rows a loss is
// the mean of, the less do their roundings cancel, so that these are the ones that need it.

#ifndef LOSSD_CORE_LOSSES_WIDENED_TASK_H_
#define LOSSD_CORE_LOSSES_WIDENED_TASK_H_

#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "core/losses/loss.h"
#include "core/tensor/buffer_pool.h"
#include "core/tensor/tensor.h"

namespace lossd {

// Widens floating inputs; outputs and wanted gradients of the wide task are narrowed by Finish. Borrows the task, which
// outlives it; its own memory is the pool's and goes back when it does. Not thread-safe: one for each task, by the
// thread that runs it.
class WidenedTask {
 public:
  // Copies the inputs. Throws std::bad_alloc where the pool has no memory.
  WidenedTask(LossTask& task, BufferPool& pool);
  WidenedTask(const WidenedTask&) = delete;
  WidenedTask& operator=(const WidenedTask&) = delete;

  // The same task in FLOAT64; integers as they are. To be run before Finish; lives as long as this.
  LossTask& wide() { return wide_; }
  // Rounds what the wide task was given into the task's own tensors, and hands on its objective and status. Once,
  // after the run.
  void Finish();

 private:
  LossTask& task_;
  LossTask wide_;
  absl::InlinedVector<Tensor, 4> inputs_;
  absl::InlinedVector<Tensor, 4> outputs_;
  absl::InlinedVector<Tensor, 4> gradients_;
};

// Bytes that a WidenedTask of this request takes from the pool at most.
int64_t WidenedBytes(const ComputeSpec& request, const LossPlan& plan);

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_WIDENED_TASK_H_
