// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The decoupled contrastive loss: as nt_xent, with negatives alone in the denominator; with weight_sigma the positives
// weigh more the less similar they are (DCLW).

#include "core/losses/config_checks.h"
#include "core/losses/loss_table.h"
#include "core/status/status_macros.h"

namespace lossd {

LossDescription Describe(const DclConfig&) {
  return {.name = "dcl",
          .summary = "decoupled contrastive loss between two views, its denominator of negatives alone",
          .inputs = {{.name = "out_1", .shape = {"N", "D"}}, {.name = "out_2", .shape = {"N", "D"}}},
          .outputs = {"loss"},
          .dtypes = FloatingTypes()};
}

absl::StatusOr<OperatorProblem> State(const DclConfig& config, const LossInputs& inputs) {
  LOSSD_RETURN_IF_ERROR(CheckTemperature(config, config.temperature));
  if (config.weight_sigma.has_value()) {
    LOSSD_RETURN_IF_ERROR(CheckPositive(config, "weight_sigma", *config.weight_sigma));
  }
  LOSSD_RETURN_IF_ERROR(CheckRows("out_1", inputs.ExtentOf("N"), 2));
  ContrastProblem problem;
  problem.rows = {inputs.PartOf("out_1"), inputs.PartOf("out_2")};
  problem.width = inputs.ExtentOf("D");
  problem.normalize = config.normalize;
  problem.scale = 1 / config.temperature;
  problem.pairs = ContrastProblem::Pairs::kNextView;
  problem.pair_in_denominator = false;
  problem.weight_sigma = config.weight_sigma;
  return problem;
}

}  // namespace lossd
