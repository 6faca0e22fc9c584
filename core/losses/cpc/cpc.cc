// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Contrastive predictive coding, the reference's CPCTask: a PixelCNN makes contexts of z, from which predictions are
// contrasted with the targets in the rows below. Formulas: cpc_contrast.h and pixel_cnn.h.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "core/losses/cpc/cpc_parameter_cache.h"
#include "core/losses/cpc/cpc_pass.h"
#include "core/losses/cpc/cpc_plan.h"
#include "core/losses/loss.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

// The parameters if they are sent with the request, else none.
template <typename T>
absl::Span<const T* const> IfSent(const CpcPlan& plan, const std::array<const T*, kCpcParameters>& parameters) {
  if (!plan.sent_parameters) return {};
  return parameters;
}

template <typename T>
int64_t WorkspaceBytes(const CpcPlan& plan, const CpcWants& wants) {
  Workspace counter(nullptr);
  const std::array<const T*, kCpcParameters> unknown{};
  TakeCpcMemory<T>(plan, wants, IfSent<T>(plan, unknown), GemmPrecision::kFloat32, nullptr, counter);
  return counter.bytes();
}

template <typename T>
int64_t SeedBytes(int64_t channels, int64_t dim) {
  return CpcSeedParameters<T>::Bytes(channels, dim) + CpcSeedParameters<T>::BytesToMake(channels, dim);
}

// What Run takes; parameters from a seed count as if they were made for this request alone.
int64_t RunBytes(const CpcPlan& plan, const CpcWants& wants) {
  const bool wide = plan.dtype == DType::kFloat64;
  const int64_t workspace = wide ? WorkspaceBytes<double>(plan, wants) : WorkspaceBytes<float>(plan, wants);
  if (plan.sent_parameters) return workspace;
  const int64_t channels = plan.shape.channels;
  return workspace + (wide ? SeedBytes<double>(channels, plan.dim) : SeedBytes<float>(channels, plan.dim));
}

template <typename T>
std::array<const T*, kCpcParameters> ParametersOf(const LossTask& task, const CpcPlan& plan) {
  std::array<const T*, kCpcParameters> parameters{};
  std::transform(plan.parameters.begin(), plan.parameters.end(), parameters.begin(),
                 [&](size_t index) { return index < task.inputs.size() ? task.inputs[index].data<T>() : nullptr; });
  return parameters;
}

GemmPrecision PrecisionOf(const CpcPlan& plan, const RunContext& context) {
  return GainsFromBf16(plan.problem) ? context.precision : GemmPrecision::kFloat32;
}

// Lays a task out in a buffer that the caller keeps until the run is over.
template <typename T>
CpcPass<T> MakePass(const LossTask& task, const CpcSeedParameters<T>* seeded, const RunContext& context,
                    Buffer& buffer) {
  const auto& plan = static_cast<const CpcPlan&>(*task.plan);
  CpcPass<T> pass{};
  pass.plan = &plan;
  pass.wants = WantsOf(plan, [&](size_t i) { return static_cast<bool>(task.gradients[i].buffer()); });
  buffer = context.pool.Allocate(static_cast<size_t>(WorkspaceBytes<T>(plan, pass.wants)));
  Workspace workspace(buffer.data());
  const std::array<const T*, kCpcParameters> parameters = ParametersOf<T>(task, plan);
  pass.z = task.inputs[plan.z].data<T>();
  pass.z_gradient = GradientOf<T>(task, plan.z);
  pass.memory = TakeCpcMemory<T>(plan, pass.wants, IfSent<T>(plan, parameters), PrecisionOf(plan, context),
                                 pass.z_gradient, workspace);
  pass.weights = seeded != nullptr ? seeded->weights() : pass.memory.sent_weights;
  if (seeded == nullptr) PackProjections<T>(parameters, pass.weights);
  for (size_t p = 0; p < kCpcParameters; ++p) {
    pass.parameter_gradients[p] = GradientOf<T>(task, plan.parameters[p]);
  }
  pass.scale = task.request->gradients.scale;
  pass.cancelled = task.cancelled;
  return pass;
}

template <typename T>
void Finish(const CpcPass<T>& pass, LossTask& task) {
  if (task.IsCancelled()) {
    task.status = absl::CancelledError("cancelled during the computation");
    return;
  }
  double loss = 0;
  T* step_losses = task.outputs[1].data<T>();
  for (int64_t i = 1; i <= pass.plan->contrast().steps(); ++i) {
    const double step = pass.memory.step_losses[i - 1];
    loss += pass.plan->step_weights[static_cast<size_t>(i - 1)] * step;
    step_losses[i - 1] = static_cast<T>(step);
  }
  *task.outputs[0].data<T>() = static_cast<T>(loss);
  task.objective = loss;
}

template <typename T>
void RunCpcBatch(absl::Span<LossTask* const> batch, CpcParameterCache& cache, const RunContext& context) {
  const auto& plan = static_cast<const CpcPlan&>(*batch.front()->plan);
  std::shared_ptr<const CpcSeedParameters<T>> seeded;
  if (!plan.sent_parameters) {
    const auto all_cancelled = [&] {
      return std::all_of(batch.begin(), batch.end(), [](const LossTask* task) { return task->IsCancelled(); });
    };
    CpcParameterKey key = plan.parameter_key;
    key.precision = PrecisionOf(plan, context);
    seeded = cache.Get<T>(key, context.parallel, all_cancelled);
    if (seeded == nullptr) {
      for (LossTask* task : batch) task->status = absl::CancelledError("cancelled during the computation");
      return;
    }
  }
  absl::InlinedVector<Buffer, 1> buffers(batch.size());
  absl::InlinedVector<CpcPass<T>, 1> passes;
  passes.reserve(batch.size());
  for (size_t i = 0; i < batch.size(); ++i) {
    passes.push_back(MakePass<T>(*batch[i], seeded.get(), context, buffers[i]));
  }
  RunCpcPasses<T>(passes, context.parallel);
  for (size_t i = 0; i < batch.size(); ++i) Finish(passes[i], *batch[i]);
}

class Cpc final : public Loss {
 public:
  explicit Cpc(int64_t parameter_cache_bytes) : cache_(parameter_cache_bytes) {}

  LossDescription Describe() const override {
    return {.name = "cpc",
            .summary = "contrastive predictive coding: a PixelCNN predicts the feature map's rows below",
            .inputs = {{.name = "z", .shape = {"B", "C", "H", "W"}},
                       {.name = "parameters.*", .shape = {}, .optional = true}},
            .outputs = {"loss", "step_losses"},
            .dtypes = {DType::kFloat32, DType::kFloat16, DType::kBFloat16, DType::kFloat64}};
  }

  absl::StatusOr<std::unique_ptr<LossPlan>> Prepare(const ComputeSpec& request) const override {
    LOSSD_ASSIGN_OR_RETURN(std::unique_ptr<LossPlan> plan, MakeCpcPlan(request, RunBytes));
    return plan;
  }

  void Run(absl::Span<LossTask* const> batch, const RunContext& context) const override {
    if (static_cast<const CpcPlan&>(*batch.front()->plan).dtype == DType::kFloat64) {
      RunCpcBatch<double>(batch, cache_, context);
    } else {
      RunCpcBatch<float>(batch, cache_, context);
    }
  }

 private:
  mutable CpcParameterCache cache_;
};

}  // namespace

std::unique_ptr<Loss> MakeCpc(int64_t parameter_cache_bytes) { return std::make_unique<Cpc>(parameter_cache_bytes); }

}  // namespace lossd
