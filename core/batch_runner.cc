// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/batch_runner.h"

#include <cmath>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/fixed_array.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/engine/workspace.h"
#include "core/losses/loss.h"
#include "core/planner.h"
#include "core/result_sweep.h"
#include "core/status/errors.h"
#include "core/tensor/buffer_pool.h"

namespace lossd {
namespace {

// Makes the tensors of one request: small ones side by side, so that a buffer is not asked for each scalar; or those
// that a device writes all together.
class TensorMaker {
 public:
  TensorMaker(const std::shared_ptr<const Plan>& plan, BufferPool& pool) : plan_(plan), pool_(pool) {}

  // The next tensors, of `bytes` with what aligns them, lie side by side in one buffer.
  void BeginRegion(int64_t bytes) {
    shared_ = pool_.Allocate(static_cast<size_t>(bytes));
    places_.ReturnTo(0);
    in_region_ = true;
  }
  // `bytes` of the region's own, after the tensors made so far; it ends there.
  absl::Span<std::byte> EndRegion(int64_t bytes) {
    std::byte* const notes = shared_.data() + places_.position();
    places_.ReturnTo(0);
    in_region_ = false;
    shared_ = Buffer();
    return absl::MakeSpan(notes, static_cast<size_t>(bytes));
  }

  // `spec` is part of the plan.
  Tensor Make(const TensorSpec& spec) {
    std::shared_ptr<const TensorSpec> shared_spec(plan_, &spec);
    const auto bytes = static_cast<size_t>(ByteSize(spec));
    if (bytes > kMaxSmallBytes && !in_region_) return Tensor(std::move(shared_spec), pool_.Allocate(bytes));
    if (!shared_ || static_cast<size_t>(places_.position()) + bytes > shared_.capacity()) {
      shared_ = pool_.Allocate(kSharedBytes);
      places_.ReturnTo(0);
    }
    const auto offset = static_cast<size_t>(places_.position());
    places_.Take<std::byte>(static_cast<int64_t>(bytes));
    return Tensor(std::move(shared_spec), shared_, offset);
  }

 private:
  static constexpr size_t kMaxSmallBytes = 512;
  static constexpr size_t kSharedBytes = 2048;

  const std::shared_ptr<const Plan>& plan_;
  BufferPool& pool_;
  Buffer shared_;
  Workspace places_{nullptr};  // Within `shared_`.
  bool in_region_ = false;
};

// Room for each output as doubles, for two numbers of each gradient, and for a few more.
int64_t NoteBytes(const Plan& plan) {
  int64_t bytes = 256 + AlignedSize(16 * static_cast<int64_t>(plan.gradients.size()));
  for (const TensorSpec& output : plan.detail->outputs) bytes += AlignedSize(8 * ElementCount(output.shape));
  return bytes;
}

// Of the outputs, the gradients as they are computed, and the notes.
int64_t RegionBytes(const Plan& plan) {
  int64_t bytes = NoteBytes(plan);
  for (const TensorSpec& output : plan.detail->outputs) bytes += AlignedSize(ByteSize(output));
  for (const GradientPlan& gradient : plan.gradients) bytes += AlignedSize(ByteSize(gradient.computed));
  return bytes;
}

// A task with the tensors that the loss fills. Not movable: the LossTask points into it.
class RunningTask {
 public:
  RunningTask(const ComputeTask& task, const RunContext& context) : task_(task), maker_(task.plan, context.pool) {
    const Plan& plan = *task.plan;
    if (context.lane != nullptr) maker_.BeginRegion(RegionBytes(plan));
    outputs_.reserve(plan.detail->outputs.size());
    for (const TensorSpec& spec : plan.detail->outputs) outputs_.push_back(maker_.Make(spec));
    computed_.resize(plan.inputs.size() + plan.detail->derived_inputs.size());
    swept_.resize(computed_.size());
    for (const GradientPlan& gradient : plan.gradients) {
      const auto source = static_cast<size_t>(gradient.source);
      computed_[source] = plan.detail->gradients_are_inputs && context.lane == nullptr ? task.inputs[source]
                                                                                       : maker_.Make(gradient.computed);
    }
    if (context.lane != nullptr) loss_task_.notes = maker_.EndRegion(NoteBytes(plan));
    loss_task_.request = &plan.request;
    loss_task_.plan = plan.detail.get();
    loss_task_.inputs = task.inputs;
    loss_task_.inputs_swept = task.inputs_swept;
    loss_task_.outputs = absl::MakeSpan(outputs_);
    loss_task_.gradients = absl::MakeSpan(computed_);
    loss_task_.swept = absl::MakeSpan(swept_);
    if (task.cancellation != nullptr) loss_task_.cancelled = &task.cancellation->flag();
  }
  RunningTask(const RunningTask&) = delete;
  RunningTask& operator=(const RunningTask&) = delete;

  LossTask* loss_task() { return &loss_task_; }

  // Whether the loss shall run: looks the inputs over as the policy says.
  bool Admit(Parallel& parallel) {
    for (size_t i = 0; i < task_.inputs.size(); ++i) {
      if (InputIsFinite(i, parallel)) continue;
      nonfinite_.push_back(task_.plan->inputs[i].name);
      if (Rejects() && loss_task_.status.ok()) loss_task_.status = RejectInput(i);  // Names the first one.
    }
    return loss_task_.status.ok();
  }

  // What the loss has made, as the answer. Called once, after the run.
  absl::StatusOr<ComputeResult> Finish(Parallel& parallel) {
    if (!loss_task_.status.ok()) return loss_task_.status;
    ComputeResult result;
    result.nonfinite = std::move(nonfinite_);
    const size_t nonfinite_inputs = result.nonfinite.size();
    for (const Tensor& output : outputs_) {
      if (!IsFinite(parallel, output)) result.nonfinite.push_back(output.spec().name);
    }
    TakeGradients(parallel, result);
    if (Rejects() && result.nonfinite.size() > nonfinite_inputs) return RejectResult(result.nonfinite);
    result.objective = loss_task_.objective;
    result.outputs = std::move(outputs_);
    return result;
  }

 private:
  bool Rejects() const { return task_.plan->request.nonfinite_policy == NonfinitePolicy::kReject; }

  bool InputIsFinite(size_t i, Parallel& parallel) const {
    return task_.inputs_swept.empty() ? IsFinite(parallel, task_.inputs[i]) : task_.inputs_swept[i].finite;
  }

  absl::Status RejectInput(size_t i) const {
    return InvalidField(absl::StrCat("inputs[", task_.plan->inputs[i].name, "].data"),
                        "expected finite values under NONFINITE_POLICY_REJECT, got a NaN or an infinity");
  }

  static absl::Status RejectResult(const std::vector<std::string>& names) {
    return absl::OutOfRangeError(
        absl::StrCat("expected finite results under NONFINITE_POLICY_REJECT, got a NaN or an infinity in ",
                     absl::StrJoin(names, ", ")));
  }

  // Rounds gradients where they are to be, and looks at what leaves.
  void TakeGradients(Parallel& parallel, ComputeResult& result) {
    double sum_of_squares = 0;
    result.gradients.reserve(task_.plan->gradients.size());
    for (const GradientPlan& gradient : task_.plan->gradients) {
      const auto source = static_cast<size_t>(gradient.source);
      Tensor& leaving = result.gradients.emplace_back(std::move(computed_[source]));
      SweepStats stats;
      if (leaving.spec().dtype != gradient.spec.dtype) {
        const Tensor computed = std::exchange(leaving, maker_.Make(gradient.spec));
        stats = SweepGradient(parallel, computed, leaving, task_.plan->widening_scale);
      } else {
        stats = swept_[source].has_value() ? *swept_[source] : SweepGradient(parallel, leaving, leaving);
      }
      sum_of_squares += stats.sum_of_squares;
      if (!stats.finite) result.nonfinite.push_back(gradient.spec.name);
    }
    result.gradient_norm = std::sqrt(sum_of_squares);
  }

  const ComputeTask& task_;
  TensorMaker maker_;
  std::vector<Tensor> outputs_;
  absl::InlinedVector<Tensor, 2> computed_;                  // Where the loss writes, by source.
  absl::InlinedVector<std::optional<SweepStats>, 2> swept_;  // What the loss has seen of computed_.
  std::vector<std::string> nonfinite_;                       // Names of inputs.
  LossTask loss_task_;
};

BatchResults RunOnce(const Loss& loss, absl::Span<const ComputeTask* const> batch, const RunContext& context) {
  absl::FixedArray<std::optional<RunningTask>, 1> running(batch.size());
  absl::InlinedVector<LossTask*, 4> loss_tasks;
  for (size_t i = 0; i < batch.size(); ++i) {
    running[i].emplace(*batch[i], context);
    if (running[i]->Admit(context.parallel)) loss_tasks.push_back(running[i]->loss_task());
  }
  if (!loss_tasks.empty()) loss.Run(loss_tasks, context);
  BatchResults results;
  for (std::optional<RunningTask>& task : running) results.push_back(task->Finish(context.parallel));
  return results;
}

// The only place that catches what a computation throws.
absl::StatusOr<BatchResults> RunCatching(const Loss& loss, absl::Span<const ComputeTask* const> batch,
                                         const RunContext& context) {
  try {
    return RunOnce(loss, batch, context);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("the system has no memory for this computation");
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("the computation failed: ", error.what()));
  }
}

}  // namespace

BatchResults RunBatch(const Loss& loss, absl::Span<const ComputeTask* const> batch, const RunContext& context) {
  absl::StatusOr<BatchResults> results = RunCatching(loss, batch, context);
  if (results.ok()) return *std::move(results);
  BatchResults separate;
  if (batch.size() == 1) {
    separate.push_back(results.status());
    return separate;
  }
  for (const ComputeTask* const& task : batch) {
    separate.push_back(RunBatch(loss, absl::MakeSpan(&task, 1), context).front());
  }
  return separate;
}

}  // namespace lossd
