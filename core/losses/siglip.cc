// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// SigLIP's loss: the sigmoid loss of every pair of image and text.

#include "core/losses/logit_link.h"
#include "core/losses/loss_table.h"

namespace lossd {

LossDescription Describe(const SigLipConfig&) {
  return {.name = "siglip",
          .summary = "SigLIP: the sigmoid loss of every pair of image and text",
          .inputs = ImageAndText(),
          .outputs = {"loss"},
          .dtypes = FloatingTypes()};
}

absl::StatusOr<OperatorProblem> State(const SigLipConfig& config, const LossInputs& inputs) {
  LOSSD_ASSIGN_OR_RETURN(ContrastProblem problem, ImagesAgainstTexts(config, inputs, 10, -10));
  problem.term = ContrastProblem::Term::kSigmoid;
  return problem;
}

}  // namespace lossd
