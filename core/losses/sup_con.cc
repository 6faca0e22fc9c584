// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The supervised contrastive loss: every row against all others, its positives the others of its label.

#include "core/losses/config_checks.h"
#include "core/losses/loss_table.h"
#include "core/status/status_macros.h"

namespace lossd {

LossDescription Describe(const SupConConfig&) {
  return {.name = "sup_con",
          .summary = "supervised contrastive loss: the positives of a row are the others of its label",
          .inputs = {{.name = "features", .shape = {"N", "D"}}, {.name = "labels", .shape = {"N"}, .integer = true}},
          .outputs = {"loss"},
          .dtypes = FloatingTypes()};
}

absl::StatusOr<OperatorProblem> State(const SupConConfig& config, const LossInputs& inputs) {
  LOSSD_RETURN_IF_ERROR(CheckTemperature(config, config.temperature));
  ContrastProblem problem;
  problem.rows = {inputs.PartOf("features")};
  problem.width = inputs.ExtentOf("D");
  problem.normalize = config.normalize;
  problem.scale = 1 / config.temperature;
  problem.pairs = ContrastProblem::Pairs::kLabels;
  problem.labels_input = inputs.IndexOf("labels");
  return problem;
}

}  // namespace lossd
