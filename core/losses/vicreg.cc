// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// VICReg: variance, invariance and covariance of two views.

#include "core/losses/config_checks.h"
#include "core/losses/loss_table.h"
#include "core/status/status_macros.h"

namespace lossd {

LossDescription Describe(const VicRegConfig&) {
  return {.name = "vicreg",
          .summary = "VICReg: distance of two views, standard deviations and covariances of their columns",
          .inputs = {{.name = "z_1", .shape = {"N", "D"}}, {.name = "z_2", .shape = {"N", "D"}}},
          .outputs = {"loss", "invariance", "variance", "covariance"},
          .dtypes = FloatingTypes()};
}

absl::StatusOr<OperatorProblem> State(const VicRegConfig& config, const LossInputs& inputs) {
  LOSSD_RETURN_IF_ERROR(CheckNotNegative(config, "invariance_weight", config.invariance_weight));
  LOSSD_RETURN_IF_ERROR(CheckNotNegative(config, "variance_weight", config.variance_weight));
  LOSSD_RETURN_IF_ERROR(CheckNotNegative(config, "covariance_weight", config.covariance_weight));
  LOSSD_RETURN_IF_ERROR(CheckNotNegative(config, "eps", config.eps));
  LOSSD_RETURN_IF_ERROR(CheckRows("z_1", inputs.ExtentOf("N"), 2));
  return MomentsProblem{.inputs = {inputs.IndexOf("z_1"), inputs.IndexOf("z_2")},
                        .rows = inputs.ExtentOf("N"),
                        .width = inputs.ExtentOf("D"),
                        .eps = config.eps,
                        .weights = {config.invariance_weight, config.variance_weight, config.covariance_weight}};
}

}  // namespace lossd
