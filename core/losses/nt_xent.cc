// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// SimCLR's normalised temperature-scaled cross entropy between two views, as nt_xent_loss of PyTorch Lightning Bolts
// 0.7, computed stably. The arithmetic is in core/engine/contrast_rows.h.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/engine/contrast_rows.h"
#include "core/losses/input_names.h"
#include "core/losses/loss.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

// A workspace up to this size lies on the stack, so that small requests allocate nothing.
constexpr int64_t kStackWorkspace = 16 << 10;

struct NtXentPlan : LossPlan {
  std::vector<int> views;  // Inputs out_1 and out_2.
  int64_t rows = 0;        // N
  int64_t width = 0;       // D
  DType dtype = DType::kFloat32;
};

absl::Status CheckView(const TensorSpec& view, const TensorSpec& first) {
  const std::string field = absl::StrCat("inputs[", view.name, "].shape");
  if (view.shape.size() != 2 || view.shape[0] == 0 || view.shape[1] == 0) {
    return InvalidField(field, absl::StrCat("expected [N, D] with extents above 0, got ", ShapeText(view.shape)));
  }
  if (view.shape != first.shape) {
    return InvalidField(field, absl::StrCat("expected ", ShapeText(first.shape), " like inputs[", first.name, "], got ",
                                            ShapeText(view.shape)));
  }
  return absl::OkStatus();
}

template <typename T>
void RunTask(LossTask& task, const NtXentPlan& plan, std::byte* workspace, Parallel& parallel) {
  RowContrast<T> contrast;
  contrast.rows = plan.rows;
  contrast.width = plan.width;
  contrast.temperature = std::get<NtXentConfig>(task.request->loss).temperature;
  contrast.weight = task.request->gradients.scale;
  for (size_t view = 0; view < 2; ++view) {
    const auto input = static_cast<size_t>(plan.views[view]);
    contrast.views[view] = task.inputs[input].data<T>();
    const Tensor& gradient = task.gradients[input];
    contrast.gradients[view] = gradient.buffer() ? gradient.data<T>() : nullptr;
  }
  task.objective = ComputeRowContrast(contrast, workspace, task.cancelled, parallel);
  *task.outputs[0].data<T>() = static_cast<T>(task.objective);
  if (task.IsCancelled()) task.status = absl::CancelledError("cancelled during the computation");
}

void RunTask(LossTask& task, const RunContext& context) {
  const auto& plan = static_cast<const NtXentPlan&>(*task.plan);
  alignas(kBufferAlignment) std::byte block[kStackWorkspace];
  Buffer buffer;
  if (plan.workspace_bytes > kStackWorkspace) {
    buffer = context.pool.Allocate(static_cast<size_t>(plan.workspace_bytes));
  }
  std::byte* workspace = buffer ? buffer.data() : block;
  plan.dtype == DType::kFloat64 ? RunTask<double>(task, plan, workspace, context.parallel)
                                : RunTask<float>(task, plan, workspace, context.parallel);
}

class NtXent final : public Loss {
 public:
  LossDescription Describe() const override {
    return {.name = "nt_xent",
            .summary = "SimCLR's normalised temperature-scaled cross entropy between two views",
            .inputs = {{.name = "out_1", .shape = {"N", "D"}}, {.name = "out_2", .shape = {"N", "D"}}},
            .outputs = {"loss"},
            .dtypes = {DType::kFloat32, DType::kFloat16, DType::kBFloat16, DType::kFloat64}};
  }

  absl::StatusOr<std::unique_ptr<LossPlan>> Prepare(const ComputeSpec& request) const override {
    const double temperature = std::get<NtXentConfig>(request.loss).temperature;
    if (!std::isfinite(temperature) || temperature <= 0) {
      return InvalidField("loss.nt_xent.temperature", absl::StrCat("expected a finite value > 0, got ", temperature));
    }
    auto plan = std::make_unique<NtXentPlan>();
    LOSSD_ASSIGN_OR_RETURN(plan->views, FindNamedInputs(request.inputs, {"out_1", "out_2"}));
    LOSSD_RETURN_IF_ERROR(CheckFloating(request.inputs));
    LOSSD_ASSIGN_OR_RETURN(plan->dtype, FindComputeDType(request.inputs));
    const TensorSpec& first = request.inputs[static_cast<size_t>(plan->views[0])];
    for (int view : plan->views) {
      LOSSD_RETURN_IF_ERROR(CheckView(request.inputs[static_cast<size_t>(view)], first));
    }
    plan->rows = first.shape[0];
    plan->width = first.shape[1];
    EstimateWork(request, *plan);
    return plan;
  }

  void Run(absl::Span<LossTask* const> batch, const RunContext& context) const override {
    context.parallel.For(static_cast<int64_t>(batch.size()),
                         [&](int64_t i) { RunTask(*batch[static_cast<size_t>(i)], context); });
  }

 private:
  static void EstimateWork(const ComputeSpec& request, NtXentPlan& plan) {
    const bool gradients = request.gradients.mode != GradientSelection::Mode::kNone;
    const double scores = 4 * static_cast<double>(plan.rows) * static_cast<double>(plan.rows);
    constexpr double kSweeps = 40;  // Operations of the sweeps on a score.
    plan.flops = scores * ((gradients ? 4.0 : 1.0) * static_cast<double>(plan.width) + kSweeps);
    plan.outputs.push_back({"loss", plan.dtype, {}});
    plan.workspace_bytes = plan.dtype == DType::kFloat64 ? RowContrastWorkspaceBytes<double>(plan.rows)
                                                         : RowContrastWorkspaceBytes<float>(plan.rows);
    // A back end may look at the places of the inputs in a batch's first request for all of its requests.
    plan.batch_key = absl::StrCat("nt_xent ", DTypeName(plan.dtype), ShapeText({plan.rows, plan.width}), " ",
                                  absl::StrJoin(plan.views, ","), gradients ? " gradients" : "");
  }
};

}  // namespace

std::unique_ptr<Loss> MakeNtXent() { return std::make_unique<NtXent>(); }

}  // namespace lossd
