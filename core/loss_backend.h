// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The one door to the computation: what the server, and a C++ trainer that links lossd as a library, calls.

#ifndef LOSSD_CORE_LOSS_BACKEND_H_
#define LOSSD_CORE_LOSS_BACKEND_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/engine/device/device_lane.h"
#include "core/losses/loss.h"
#include "core/losses/loss_config.h"
#include "core/scheduling/cancellation.h"
#include "core/tensor/buffer_pool.h"
#include "core/tensor/tensor.h"

namespace lossd {

// A gradient that will be returned.
struct GradientPlan {
  TensorSpec spec;      // As it leaves: named as its input, in the dtype asked for.
  TensorSpec computed;  // As the loss writes it: in storage dtype, or rounded by its device.
  int source = 0;       // Index into the inputs, then the derived inputs.
};

// Everything known of a request before its payloads are. Immutable, shared by everyone who handles the request.
struct Plan {
  // As asked, but for a gradients.scale that float32 gradients take when they are widened to FLOAT64.
  ComputeSpec request;
  double widening_scale = 1;
  const Loss* loss = nullptr;  // Not owned; lives as long as the backend.
  std::unique_ptr<const LossPlan> detail;
  std::vector<GradientPlan> gradients;  // In the order of the response.
  // The request's, in storage dtype, or as sent where a device widens them: what ComputeTask::inputs must be.
  std::vector<TensorSpec> inputs;
  int64_t bytes = 0;  // Inputs, outputs, gradients and workspace together: what admission reserves.
};

// The answer to a task.
struct ComputeResult {
  double objective = 0;
  std::vector<Tensor> outputs;
  std::vector<Tensor> gradients;
  std::vector<std::string> nonfinite;  // Names of inputs, outputs, gradients holding NaN or Inf, in that order.
  double gradient_norm = 0;            // Euclidean norm over all returned gradients, before rounding.
  absl::Duration queue;                // Time in the queue.
  absl::Duration compute;              // Time of the batch's computation.
  int batch_requests = 1;              // Tasks in that batch.
  size_t device = 0;                   // Where it was computed: index into the back end's Devices().
};

// A request with its payloads, ready to be computed.
struct ComputeTask {
  std::shared_ptr<const Plan> plan;
  std::vector<Tensor> inputs;  // Matching plan->inputs.
  // For each input what the copy from the transport has seen of it; empty: the backend looks.
  std::vector<InputSweep> inputs_swept;
  absl::Time deadline = absl::InfiniteFuture();
  std::shared_ptr<Cancellation> cancellation;  // May be null. Cancelled, too, if the deadline comes during the run.
  // Called exactly once, on a thread of the backend or within Submit, with no lock held: the result, or
  // DEADLINE_EXCEEDED, CANCELLED, RESOURCE_EXHAUSTED, UNAVAILABLE, INVALID_ARGUMENT or OUT_OF_RANGE (non-finite values
  // under the REJECT policy), INTERNAL. Must not block.
  absl::AnyInvocable<void(absl::StatusOr<ComputeResult>) &&> done;
};

// A device that computes, for GetServerInfo.
struct DeviceDescription {
  std::string name;         // "cpu".
  std::string description;  // The processor's model.
  int threads = 0;
};

// How a device that has memory of its own is, and what it has done, for health and /metrics.
struct DeviceState {
  std::string name;
  absl::Status health;  // Not OK: lost, for good.
  LaneStats lane;
};

// Is told the name of a device that is lost, and why. Called at most once a device; must not block.
using DeviceListener = std::function<void(const std::string& device, const absl::Status& reason)>;

// How much waits, for /metrics.
struct QueueDepth {
  int64_t requests = 0;
  int64_t bytes = 0;
};

// Is told what happens inside a backend, for metrics. Thread-safe; called with no lock held.
class BackendObserver {
 public:
  virtual ~BackendObserver() = default;
  // A batch of `requests` tasks was computed.
  virtual void OnBatch(int requests) = 0;
};

// Computes losses and gradients. All methods are thread-safe. The destructor drains.
//
//    Prepare(spec) -> Plan -> buffers of pool(), filled with Plan::inputs -> Submit(ComputeTask) -> done(result)
//
// Plans are of the back end that made them, and may be used for any number of tasks, at once too, as long as it lives.
// Results may outlive it: they keep their buffers.
class LossBackend {
 public:
  virtual ~LossBackend() = default;

  // Checks a request without its payloads and plans its computation. INVALID_ARGUMENT with the field, UNIMPLEMENTED, or
  // RESOURCE_EXHAUSTED: flops, or inflight_bytes where it needs more memory than a device has for computations.
  virtual absl::StatusOr<std::shared_ptr<const Plan>> Prepare(ComputeSpec request) const = 0;

  // Queues a task. Never blocks, but may compute a small one, and call `task.done`, before it returns; every way out is
  // `task.done`. `task.plan` is of this back end, and `task.inputs` are as it says, else INVALID_ARGUMENT.
  virtual void Submit(ComputeTask task) = 0;

  // Where buffers for inputs come from.
  virtual BufferPool& pool() = 0;

  // What it computes and where. Constant from the start.
  virtual std::vector<LossDescription> Losses() const = 0;
  virtual std::vector<DeviceDescription> Devices() const = 0;
  // Tasks that wait for a worker, not those that are computed.
  virtual QueueDepth queue_depth() const = 0;

  // Of the devices that have memory of their own.
  virtual std::vector<DeviceState> DeviceStates() const { return {}; }
  // Sets who is told of each lost device: of those lost before at once. Called with no lock held, by any thread. For
  // back ends that lose none, there is nothing to do.
  virtual void SetDeviceListener(DeviceListener) {}

  // From now on no task waits for company, queued ones included; new ones are still taken. For back ends whose tasks
  // never do, there is nothing to do.
  virtual void StopGathering() {}

  // Lets queued tasks run without waiting for company, refuses new ones with UNAVAILABLE, and returns when every
  // accepted task was answered.
  virtual void Drain() = 0;
};

}  // namespace lossd

#endif  // LOSSD_CORE_LOSS_BACKEND_H_
