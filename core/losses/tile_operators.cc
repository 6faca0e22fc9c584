// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/tile_operators.h"

#include <cstddef>
#include <variant>
#include <vector>

#include "core/engine/column_moments.h"
#include "core/engine/contrast_tiles.h"
#include "core/losses/widened_task.h"

namespace lossd {
namespace {

template <typename T>
RowPart<T> PartOf(const LossTask& task, const ContrastPart& part) {
  return {task.inputs[static_cast<size_t>(part.input)].data<T>(), GradientOf<T>(task, part.input), part.count};
}

template <typename T>
typename RowOperand<T>::Parts PartsOf(const LossTask& task, absl::Span<const ContrastPart> parts) {
  typename RowOperand<T>::Parts bound;
  for (const ContrastPart& part : parts) bound.push_back(PartOf<T>(task, part));
  return bound;
}

template <typename T>
void RunProblem(LossTask& task, const ContrastProblem& problem, const RunContext& context) {
  ContrastOperands<T> operands;
  operands.rows = PartsOf<T>(task, problem.rows);
  operands.columns = PartsOf<T>(task, problem.columns);
  if (problem.exclusion.has_value()) {
    operands.guide_rows = PartsOf<T>(task, problem.exclusion->rows);
    operands.guide_columns = PartsOf<T>(task, problem.exclusion->columns);
  }
  if (problem.labels_input >= 0) operands.labels = LabelsOf(task.inputs[static_cast<size_t>(problem.labels_input)]);
  operands.scale = ScalarInput(task, problem.scale_input, problem.scale);
  operands.bias = ScalarInput(task, problem.bias_input, problem.bias);
  operands.weight = task.request->gradients.scale;
  operands.scale_gradient = GradientOf<T>(task, problem.scale_input);
  operands.bias_gradient = GradientOf<T>(task, problem.bias_input);
  const ContrastResult result = ComputeContrast(problem, operands, context.pool, task.cancelled, context.parallel);
  WriteValues(task, {result.loss, result.accuracy});
}

template <typename T>
void RunProblem(LossTask& task, const MomentsProblem& problem, const RunContext& context) {
  MomentsOperands<T> operands;
  for (size_t view = 0; view < 2; ++view) {
    operands.views[view] = task.inputs[static_cast<size_t>(problem.inputs[view])].data<T>();
    operands.gradients[view] = GradientOf<T>(task, problem.inputs[view]);
  }
  operands.weight = task.request->gradients.scale;
  const MomentsResult result = ComputeMoments(problem, operands, context.pool, task.cancelled, context.parallel);
  WriteValues(task, result.values);
}

template <typename T>
int64_t BytesOf(const ContrastProblem& problem, bool gradients) {
  return WorkspaceBytesOf<T>(problem, gradients);
}
template <typename T>
int64_t BytesOf(const MomentsProblem& problem, bool) {
  return WorkspaceBytesOf<T>(problem);
}

class TileOperators final : public Operators {
 public:
  int64_t WorkspaceBytes(const ComputeSpec& request, const OperatorPlan& plan) const override {
    const bool gradients = request.gradients.any();
    const auto bytes_of = [&](const auto& problem) {
      if (plan.widened) return BytesOf<double>(problem, gradients) + WidenedBytes(request, plan);
      return plan.dtype == DType::kFloat64 ? BytesOf<double>(problem, gradients) : BytesOf<float>(problem, gradients);
    };
    return std::visit(bytes_of, plan.problem);
  }

  void Run(absl::Span<LossTask* const> batch, const RunContext& context) const override {
    context.parallel.For(static_cast<int64_t>(batch.size()),
                         [&](int64_t i) { RunTask(*batch[static_cast<size_t>(i)], context); });
  }

 private:
  static void RunTask(LossTask& task, const RunContext& context) {
    const auto& plan = static_cast<const OperatorPlan&>(*task.plan);
    const auto run = [&](const auto& problem) {
      if (plan.widened) {
        WidenedTask widened(task, context.pool);
        RunProblem<double>(widened.wide(), problem, context);
        widened.Finish();
      } else if (plan.dtype == DType::kFloat64) {
        RunProblem<double>(task, problem, context);
      } else {
        RunProblem<float>(task, problem, context);
      }
    };
    std::visit(run, plan.problem);
    if (task.IsCancelled()) task.status = absl::CancelledError("cancelled during the computation");
  }
};

}  // namespace

std::shared_ptr<const Operators> MakeTileOperators() { return std::make_shared<TileOperators>(); }

}  // namespace lossd
