// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// SimCLR's normalised temperature-scaled cross entropy between two views, as nt_xent_loss of PyTorch Lightning Bolts
// 0.7, computed stably: every row of both views against all others, its pair the same row of the other view.

#include "core/losses/config_checks.h"
#include "core/losses/loss_table.h"
#include "core/status/status_macros.h"

namespace lossd {

LossDescription Describe(const NtXentConfig&) {
  return {.name = "nt_xent",
          .summary = "SimCLR's normalised temperature-scaled cross entropy between two views",
          .inputs = {{.name = "out_1", .shape = {"N", "D"}}, {.name = "out_2", .shape = {"N", "D"}}},
          .outputs = {"loss"},
          .dtypes = FloatingTypes()};
}

absl::StatusOr<OperatorProblem> State(const NtXentConfig& config, const LossInputs& inputs) {
  LOSSD_RETURN_IF_ERROR(CheckTemperature(config, config.temperature));
  ContrastProblem problem;
  problem.rows = {inputs.PartOf("out_1"), inputs.PartOf("out_2")};
  problem.width = inputs.ExtentOf("D");
  problem.normalize = config.normalize;
  problem.scale = 1 / config.temperature;
  problem.pairs = ContrastProblem::Pairs::kNextView;
  return problem;
}

}  // namespace lossd
