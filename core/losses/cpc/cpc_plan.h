// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What CPC knows of a request before its payloads.

#ifndef LOSSD_CORE_LOSSES_CPC_CPC_PLAN_H_
#define LOSSD_CORE_LOSSES_CPC_CPC_PLAN_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "core/losses/cpc/cpc_contrast.h"
#include "core/losses/cpc/cpc_parameter_cache.h"
#include "core/losses/cpc/cpc_parameters.h"
#include "core/losses/cpc/pixel_cnn.h"
#include "core/losses/loss.h"

namespace lossd {

// Which gradients a request wants, and what follows from that: what none of them needs on the way is
// neither computed nor has memory.
struct CpcWants {
  bool z = false;
  std::array<bool, kCpcParameters> parameters{};

  bool context_parameters() const;
  // What these need on the way.
  bool predictions() const { return context() || parameters[kPredictionWeight] || parameters[kPredictionBias]; }
  bool targets() const { return z || parameters[kTargetWeight]; }
  bool context() const { return z || context_parameters(); }
};

// The request's extents and numbers. Immutable once made, as every plan.
struct CpcPlan final : LossPlan {
  PixelCnnShape shape{};
  int64_t dim = 0;
  std::vector<double> step_weights;  // weight_i of steps 1 .. H - 2.
  DType dtype = DType::kFloat32;     // In which it is computed.
  bool sent_parameters = false;      // Else they are derived inputs, initialised from `parameter_key`.
  CpcParameterKey parameter_key;
  size_t z = 0;                                     // Index into the inputs.
  std::array<size_t, kCpcParameters> parameters{};  // Indices into the inputs, then the derived inputs.

  ContrastProblem problem;  // On the processor: positions in lines (cpc_contrast.h).

  CpcContrastShape contrast() const { return {shape.batch, shape.height, shape.width, dim}; }
};

// The gradients for whose index `wanted` is true.
CpcWants WantsOf(const CpcPlan& plan, absl::FunctionRef<bool(size_t index)> wanted);

// Bytes that Run takes for a request of this plan that wants these gradients.
using CpcWorkspaceSizer = absl::FunctionRef<int64_t(const CpcPlan& plan, const CpcWants& wants)>;

// Checks a request and plans it; see Loss::Prepare.
absl::StatusOr<std::unique_ptr<CpcPlan>> MakeCpcPlan(const ComputeSpec& request, CpcWorkspaceSizer workspace_bytes);

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_CPC_CPC_PLAN_H_
