// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What clip and siglip have in common: images against texts, with a scale and a bias that may be inputs.

#ifndef LOSSD_CORE_LOSSES_LOGIT_LINK_H_
#define LOSSD_CORE_LOSSES_LOGIT_LINK_H_

#include <vector>

#include "absl/status/statusor.h"
#include "core/losses/config_checks.h"
#include "core/losses/loss_inputs.h"
#include "core/status/status_macros.h"

namespace lossd {

inline std::vector<LossInputDescription> ImageAndText() {
  return {{.name = "image", .shape = {"N", "D"}},
          {.name = "text", .shape = {"N", "D"}},
          {.name = "logit_scale", .shape = {"1"}, .optional = true},
          {.name = "logit_bias", .shape = {"1"}, .optional = true}};
}

// Checks a number that is given in the configuration or as an input, not both. Returns the input's index or -1.
template <typename Config>
absl::StatusOr<int> FindNumber(const Config& config, const LossInputs& inputs, absl::string_view name,
                               const std::optional<double>& given, double otherwise, double& value) {
  value = given.value_or(otherwise);
  LOSSD_RETURN_IF_ERROR(CheckFinite(config, name, value));
  if (given.has_value() && inputs.Has(name)) {
    return InvalidConfig(config, name, absl::StrCat("expected nothing beside inputs[", name, "], got ", *given));
  }
  return inputs.IndexOf(name);
}

template <typename Config>
absl::StatusOr<ContrastProblem> ImagesAgainstTexts(const Config& config, const LossInputs& inputs, double scale,
                                                   double bias) {
  ContrastProblem problem;
  problem.rows = {inputs.PartOf("image")};
  problem.columns = {inputs.PartOf("text")};
  problem.width = inputs.ExtentOf("D");
  problem.normalize = config.normalize;
  LOSSD_ASSIGN_OR_RETURN(problem.scale_input,
                         FindNumber(config, inputs, "logit_scale", config.logit_scale, scale, problem.scale));
  LOSSD_ASSIGN_OR_RETURN(problem.bias_input,
                         FindNumber(config, inputs, "logit_bias", config.logit_bias, bias, problem.bias));
  return problem;
}

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_LOGIT_LINK_H_
