// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The base of every loss that is stated as an operator's problem. A loss says what it is (Describe and State, declared
// in loss_table.h); this does what all of them repeat: inputs, dtypes, batch keys, which gradients are wanted,
// operations and memory, and runs the problem on a device's operators.

#ifndef LOSSD_CORE_LOSSES_OPERATOR_LOSS_H_
#define LOSSD_CORE_LOSSES_OPERATOR_LOSS_H_

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/engine/column_moments.h"
#include "core/engine/contrast.h"
#include "core/losses/loss.h"
#include "core/losses/loss_config.h"
#include "core/losses/loss_inputs.h"

namespace lossd {

// What a loss can be stated as.
using OperatorProblem = std::variant<ContrastProblem, MomentsProblem>;

// The plan of such a loss. Its outputs are the loss and what the operator gives beside it, in the operator's order.
struct OperatorPlan : LossPlan {
  OperatorProblem problem;
  DType dtype = DType::kFloat32;  // Of the loss and the gradients.
  // The problem is so small that float64 costs next to nothing: a float32 one is computed in it. The fewer rows a loss
  // is the mean of, the less do their roundings cancel: these are the ones that need it.
  bool widened = false;

  DType computed() const { return widened ? DType::kFloat64 : dtype; }
};

// The operators of a device. Thread-safe.
class Operators {
 public:
  virtual ~Operators() = default;
  // Bytes that Run allocates for one task, beyond inputs, outputs and gradients.
  virtual int64_t WorkspaceBytes(const ComputeSpec& request, const OperatorPlan& plan) const = 0;
  // As Loss::Run; the tasks' plans are OperatorPlans.
  virtual void Run(absl::Span<LossTask* const> batch, const RunContext& context) const = 0;
};

// How a loss states itself. Fails with InvalidField.
using Statement = absl::StatusOr<OperatorProblem> (*)(const LossConfig& config, const LossInputs& inputs);

// See above. Thread-safe.
class OperatorLoss final : public Loss {
 public:
  OperatorLoss(LossDescription description, Statement statement, std::shared_ptr<const Operators> operators);

  LossDescription Describe() const override { return description_; }
  absl::StatusOr<std::unique_ptr<LossPlan>> Prepare(const ComputeSpec& request) const override;
  void Run(absl::Span<LossTask* const> batch, const RunContext& context) const override;

 private:
  const LossDescription description_;
  const Statement statement_;
  const std::shared_ptr<const Operators> operators_;
};

// A number that a scalar input of the task holds; `otherwise` where `input` is -1.
double ScalarInput(const LossTask& task, int input, double otherwise);

// The labels of an INT32 or INT64 input.
std::vector<int64_t> LabelsOf(const Tensor& labels);

// Writes the values to the task's outputs, in order, and the first as its objective.
void WriteValues(LossTask& task, absl::Span<const double> values);

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_OPERATOR_LOSS_H_
