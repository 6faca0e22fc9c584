// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// CLIP's loss: images against texts and texts against images.

#include "core/losses/logit_link.h"
#include "core/losses/loss_table.h"

namespace lossd {

LossDescription Describe(const ClipConfig&) {
  return {.name = "clip",
          .summary = "CLIP: the cross entropies of images against texts and of texts against images",
          .inputs = ImageAndText(),
          .outputs = {"loss", "accuracy"},
          .dtypes = FloatingTypes()};
}

absl::StatusOr<OperatorProblem> State(const ClipConfig& config, const LossInputs& inputs) {
  LOSSD_ASSIGN_OR_RETURN(ContrastProblem problem, ImagesAgainstTexts(config, inputs, 1 / 0.07, 0));
  problem.both_sides = true;
  return problem;
}

}  // namespace lossd
