// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The losses that are stated as an operator's problem: what each says of itself, and what it is. An alternative of
// LossConfig that has neither these two nor a factory in the registry does not compile. docs/adding_a_loss.md is the
// recipe.

#ifndef LOSSD_CORE_LOSSES_LOSS_TABLE_H_
#define LOSSD_CORE_LOSSES_LOSS_TABLE_H_

#include "absl/status/statusor.h"
#include "core/losses/loss.h"
#include "core/losses/loss_config.h"
#include "core/losses/loss_inputs.h"
#include "core/losses/operator_loss.h"

namespace lossd {

// What a loss says of itself: its name (the configuration's kName), inputs with symbolic extents, outputs in the
// operator's order, types. Of any configuration the same: it is called with the defaults, once a back end.
LossDescription Describe(const NtXentConfig& config);
LossDescription Describe(const InfoNceConfig& config);
LossDescription Describe(const ClipConfig& config);
LossDescription Describe(const SigLipConfig& config);
LossDescription Describe(const SupConConfig& config);
LossDescription Describe(const DclConfig& config);
LossDescription Describe(const VicRegConfig& config);
LossDescription Describe(const BarlowTwinsConfig& config);

// What a request of the loss is. `inputs` are those that were described: found, and their names, ranks, extents and
// types checked; elements are not there yet. Checks the configuration's numbers; fails with InvalidField naming the
// field. Called for each request that is planned, by any thread: no state, nothing kept of either argument.
absl::StatusOr<OperatorProblem> State(const NtXentConfig& config, const LossInputs& inputs);
absl::StatusOr<OperatorProblem> State(const InfoNceConfig& config, const LossInputs& inputs);
absl::StatusOr<OperatorProblem> State(const ClipConfig& config, const LossInputs& inputs);
absl::StatusOr<OperatorProblem> State(const SigLipConfig& config, const LossInputs& inputs);
absl::StatusOr<OperatorProblem> State(const SupConConfig& config, const LossInputs& inputs);
absl::StatusOr<OperatorProblem> State(const DclConfig& config, const LossInputs& inputs);
absl::StatusOr<OperatorProblem> State(const VicRegConfig& config, const LossInputs& inputs);
absl::StatusOr<OperatorProblem> State(const BarlowTwinsConfig& config, const LossInputs& inputs);

// The floating types, in which every loss computes.
inline std::vector<DType> FloatingTypes() {
  return {DType::kFloat32, DType::kFloat16, DType::kBFloat16, DType::kFloat64};
}

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_LOSS_TABLE_H_
