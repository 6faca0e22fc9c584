// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Barlow Twins: the correlation between two views' columns against the identity.

#include "core/losses/config_checks.h"
#include "core/losses/loss_table.h"
#include "core/status/status_macros.h"

namespace lossd {

LossDescription Describe(const BarlowTwinsConfig&) {
  return {.name = "barlow_twins",
          .summary = "Barlow Twins: the correlation between two views' columns against the identity",
          .inputs = {{.name = "z_1", .shape = {"N", "D"}}, {.name = "z_2", .shape = {"N", "D"}}},
          .outputs = {"loss", "invariance", "redundancy"},
          .dtypes = FloatingTypes()};
}

absl::StatusOr<OperatorProblem> State(const BarlowTwinsConfig& config, const LossInputs& inputs) {
  LOSSD_RETURN_IF_ERROR(CheckNotNegative(config, "lambda", config.lambda));
  LOSSD_RETURN_IF_ERROR(CheckNotNegative(config, "eps", config.eps));
  LOSSD_RETURN_IF_ERROR(CheckRows("z_1", inputs.ExtentOf("N"), 2));
  return MomentsProblem{.inputs = {inputs.IndexOf("z_1"), inputs.IndexOf("z_2")},
                        .rows = inputs.ExtentOf("N"),
                        .width = inputs.ExtentOf("D"),
                        .cross = true,
                        .eps = config.eps,
                        .weights = {1, config.lambda}};
}

}  // namespace lossd
