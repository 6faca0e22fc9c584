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

// The inputs of both, for Describe.
inline std::vector<LossInputDescription> ImageAndText() {
  return {{.name = "image", .shape = {"N", "D"}},
          {.name = "text", .shape = {"N", "D"}},
          {.name = "logit_scale", .shape = {"1"}, .optional = true},
          {.name = "logit_bias", .shape = {"1"}, .optional = true}};
}

// Finds a number that comes with the configuration (`given`) or as the input `name`, not both. Returns the input's
// index, or -1 where there is none; writes what stands in the configuration to `value`, else `otherwise`, which is what
// counts unless there is an input. INVALID_ARGUMENT naming loss.<kName>.<name> if the number is not finite, or if both
// are there; `value` is written nonetheless.
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

// The contrast of rows of "image" with those of "text", of which pair i is row i of both: its operands, width and
// normalisation, and its logits scale * x + bias, which are `scale` and `bias` unless the request says otherwise. Terms
// and weights are left to the caller. Errors of FindNumber. Precondition: `inputs` are those of ImageAndText.
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
