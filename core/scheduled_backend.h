// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A back end over any set of losses: plans, queues and batches requests and runs them on the scheduler's threads.

#ifndef LOSSD_CORE_SCHEDULED_BACKEND_H_
#define LOSSD_CORE_SCHEDULED_BACKEND_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "core/engine/device/device_lane.h"
#include "core/engine/gemm_precision.h"
#include "core/loss_backend.h"
#include "core/losses/registry.h"
#include "core/scheduling/batch_scheduler.h"

namespace lossd {

struct BackendOptions {
  // Threads, queue and batch bounds, clock.
  BatchSchedulerOptions scheduler;
  // Most operations of a request, as estimated (--max_request_flops).
  double max_request_flops = 1e14;
  // What CPC keeps of seed-initialised parameters, in bytes (--parameter_cache_bytes).
  int64_t parameter_cache_bytes = int64_t{256} << 20;
  // Most memory that lies idle for reuse, in bytes. Too little: the system is asked again for every large request.
  size_t max_idle_buffer_bytes = size_t{256} << 20;
  // How exactly matrix products read their operands (--compute_precision): on the processor kBf16 only where a shape
  // gains from it; kTf32 on cards alone, where that of the back end made last decides for all of a process.
  GemmPrecision gemm_precision = GemmPrecision::kFloat32;
  // Memory that computations may take of a device that has its own, in bytes (--device_memory_bytes). 0: four fifths of
  // what is free when the back end is made.
  int64_t device_memory_bytes = 0;
  // Whether such devices tell profilers what goes on (--nvtx).
  bool nvtx = false;
  // What the tile back end's device says of itself beside the processor's model. Empty: nothing.
  std::string remark;
  // Where inputs and results lie, shared with other back ends. Null: a pool of its own, of max_idle_buffer_bytes.
  std::shared_ptr<BufferPool> pool;
  // Is told of batches. Not owned, outlives the backend; may be null.
  BackendObserver* observer = nullptr;
};

// A back end that computes with `losses`. `device` is what it calls the place where they compute; its threads are those
// of the scheduler. Where that has memory of its own, `lane` is the way to it: buffers then lie where the device copies
// from, and a few threads of the scheduler's, each of which drives a batch, do instead of those of `options`.
// INVALID_ARGUMENT naming the option that is out of range.
absl::StatusOr<std::unique_ptr<LossBackend>> CreateScheduledBackend(const BackendOptions& options, LossSet losses,
                                                                    DeviceDescription device,
                                                                    std::unique_ptr<DeviceLane> lane = nullptr);

}  // namespace lossd

#endif  // LOSSD_CORE_SCHEDULED_BACKEND_H_
