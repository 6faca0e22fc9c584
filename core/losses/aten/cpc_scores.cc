// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/cpc_scores.h"

#include <ATen/ATen.h>

#include "core/losses/aten/contrast_terms.h"
#include "core/losses/aten/products.h"

namespace lossd::aten {
namespace {

// n_i of each step: [R], float64.
at::Tensor StepCounts(const CpcContrastShape& shape) {
  at::Tensor counts = at::empty({shape.steps()}, at::kDouble);
  for (int64_t i = 1; i <= shape.steps(); ++i) {
    counts.data_ptr<double>()[i - 1] = static_cast<double>(shape.step_predictions(i));
  }
  return counts;
}

// `vectors` as products read them.
ContrastOperand OperandOf(const at::Tensor& vectors, at::ScalarType type, bool wants_gradient, const Target& target) {
  ContrastOperand operand;
  operand.vectors = vectors.to(type == at::kDouble ? type : OperandType(target, type));
  if (wants_gradient) operand.gradient = at::zeros(vectors.sizes(), vectors.options().dtype(type));
  return operand;
}

}  // namespace

CpcScoresResult ContrastSteps(const CpcScores& scores, Groups groups, const Target& target) {
  const ContrastProblem problem = scores.shape.InStacks(1);
  const at::ScalarType type = scores.predictions.scalar_type();
  const at::Tensor counts = ToDevice(StepCounts(scores.shape), target.device);
  ContrastOperands operands;
  operands.type = GainsFromFloat64(problem) ? at::kDouble : type;
  operands.rows = OperandOf(scores.predictions, operands.type, scores.gradients, target);
  operands.columns = OperandOf(scores.targets, operands.type, scores.gradients, target);
  operands.scale = scores.embed_scales;
  operands.step_shares = scores.step_weights / counts;
  operands.numbers = at::zeros({scores.predictions.size(0), problem.steps, problem.row_count()}, counts.options());
  RunTerms(problem, groups, target, operands);
  CpcScoresResult result;
  result.step_losses = operands.numbers.sum(2).div_(counts);
  if (!scores.gradients) return result;
  result.prediction_gradient = operands.rows.gradient.to(type);
  result.target_gradient = operands.columns.gradient.to(type);
  return result;
}

}  // namespace lossd::aten
