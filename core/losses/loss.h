// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a loss is to the back ends that run it: a plan made from shapes, and a run over a batch of tasks.

#ifndef LOSSD_CORE_LOSSES_LOSS_H_
#define LOSSD_CORE_LOSSES_LOSS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/engine/device/device_lane.h"
#include "core/engine/gemm_precision.h"
#include "core/engine/parallel.h"
#include "core/losses/loss_config.h"
#include "core/tensor/buffer_pool.h"
#include "core/tensor/convert.h"
#include "core/tensor/tensor.h"

namespace lossd {

// Everything a loss knows of a request before it sees payloads. Losses derive from it to keep what they parsed.
// Immutable once made.
struct LossPlan {
  virtual ~LossPlan() = default;

  // Results, in the order of the response, named as in docs/losses.md; floating ones FLOAT32, or FLOAT64 where the
  // inputs are.
  std::vector<TensorSpec> outputs;
  // Tensors that the loss makes itself and whose gradients can be asked for by name: CPC's parameters where they are
  // initialised from a seed. Empty for other losses.
  std::vector<TensorSpec> derived_inputs;
  // By input: whether it has no gradient though it is floating. Empty: none is so.
  std::vector<bool> constants;
  // Tasks with equal keys may run in one batch; equal keys imply equal loss, dtype and shapes.
  std::string batch_key;
  // Estimate of the floating-point operations, an upper bound where draws decide.
  double flops = 0;
  // The gradients, up to rounding, are the inputs: LossTask::gradients may share their buffers, and Run leaves those
  // alone.
  bool gradients_are_inputs = false;
  // Run makes use of the sums of squares of inputs, where who copies these provides them: LossTask::inputs_swept.
  bool uses_squares_of_inputs = false;
  // Bytes that Run allocates beyond inputs, outputs and gradients.
  int64_t workspace_bytes = 0;
};

// One request's part of a batch. The backend has allocated outputs and gradients; the loss fills them, the objective
// and the status.
struct LossTask {
  const ComputeSpec* request = nullptr;  // Not owned; outlives the run.
  const LossPlan* plan = nullptr;        // Not owned; made by the same loss's Prepare from `request`.
  // In the order of request->inputs, in storage dtype (16-bit floats widened to float32), or as sent where there is a
  // lane.
  absl::Span<const Tensor> inputs;
  // One for each input, or none at all.
  absl::Span<const InputSweep> inputs_swept;
  // In the order of plan->outputs.
  absl::Span<Tensor> outputs;
  // One for each input, then one for each derived input: where to write the gradient of the objective, times
  // request->gradients.scale, unrounded, in the compute dtype (float32; float64 where inputs are), or rounded to 16
  // bits where there is a lane and the tensor is such. Uninitialised on entry. An empty buffer means that this gradient
  // is not wanted.
  absl::Span<Tensor> gradients;
  // For each of `gradients`, what Run saw in it if it looked: nobody looks again then. May be empty.
  absl::Span<std::optional<SweepStats>> swept;
  // Beside outputs and gradients, where these are one region, memory where a device may leave numbers for the host;
  // else empty.
  absl::Span<std::byte> notes;
  // Turns true when the answer is no longer wanted; looked at between row chunks. May be null.
  const std::atomic<bool>* cancelled = nullptr;

  double objective = 0;
  absl::Status status;  // Not OK: outputs and gradients are not sent.

  bool IsCancelled() const { return cancelled != nullptr && cancelled->load(std::memory_order_relaxed); }
};

// Where the gradient of input `index` (or derived input, which follow) is to be written, as T; null where it is not
// wanted, and for an index below 0: an input that was not sent.
template <typename T>
T* GradientOf(const LossTask& task, int64_t index) {
  if (index < 0) return nullptr;
  const Tensor& gradient = task.gradients[static_cast<size_t>(index)];
  return gradient.buffer() ? gradient.data<T>() : nullptr;
}

// What a run may use.
struct RunContext {
  Parallel& parallel;          // Not owned.
  BufferPool& pool;            // Not owned. For workspaces.
  DeviceLane* lane = nullptr;  // Not owned. The way to the loss's device, where that has memory of its own.
  // Of products on the processor: kFloat32, or kBf16 where a shape gains from it, which losses decide.
  GemmPrecision precision = GemmPrecision::kFloat32;
};

// An input of a loss, for GetServerInfo. "anchor.*" stands for anchor.0, anchor.1, ...
struct LossInputDescription {
  std::string name;
  std::vector<std::string> shape;  // Symbolic extents; empty: any shape; "1": a scalar, [] or [1].
  bool optional = false;
  bool integer = false;   // INT32 or INT64, without gradient; else floating.
  bool constant = false;  // Floating, but without gradient.
};

// What GetServerInfo says of a loss.
struct LossDescription {
  std::string name;  // The member of lossd.v1.LossSpec.
  std::string summary;
  std::vector<LossInputDescription> inputs;
  std::vector<std::string> outputs;
  std::vector<DType> dtypes;
};

// A loss. Stateless or internally synchronised; all methods are thread-safe.
class Loss {
 public:
  virtual ~Loss() = default;

  virtual LossDescription Describe() const = 0;

  // Checks all that can be known without payloads and says what the run will need. Names of inputs are known to be
  // unique and their sizes not to overflow. Fails with InvalidField(...) naming the field as the client wrote it.
  // `request.loss` holds this loss's alternative.
  virtual absl::StatusOr<std::unique_ptr<LossPlan>> Prepare(const ComputeSpec& request) const = 0;

  // Computes every task of a batch; all have equal batch keys. The bytes of a task's results depend on that task alone.
  // May throw what allocation throws.
  virtual void Run(absl::Span<LossTask* const> batch, const RunContext& context) const = 0;
};

// Factories of the losses that are no operator's; the registry calls them.
std::unique_ptr<Loss> MakeFeatureMapContrastive();
// Keeps seed-initialised parameters in a cache of at most `parameter_cache_bytes` bytes.
std::unique_ptr<Loss> MakeCpc(int64_t parameter_cache_bytes);
std::unique_ptr<Loss> MakeSquaredNorm();

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_LOSS_H_
