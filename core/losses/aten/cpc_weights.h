// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// CPC's parameters as stacked tensors, and their gradients back in the form of the state_dict.

#ifndef LOSSD_CORE_LOSSES_ATEN_CPC_WEIGHTS_H_
#define LOSSD_CORE_LOSSES_ATEN_CPC_WEIGHTS_H_

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>

#include "core/losses/aten/group_tensors.h"
#include "core/losses/aten/pixel_cnn.h"
#include "core/losses/cpc/cpc_parameter_cache.h"
#include "core/losses/cpc/cpc_parameters.h"
#include "core/losses/cpc/cpc_plan.h"

namespace lossd::aten {

// The weights, or their gradients; the first dimension is G, or 1 for weights that all groups share.
struct CpcWeightTensors {
  at::Tensor target;           // [G, D, C]
  at::Tensor target_bias;      // [G, D]
  at::Tensor prediction;       // [G, D, C]
  at::Tensor prediction_bias;  // [G, D]
  PixelCnnBlocks context;
};

// The parameters that the groups sent.
CpcWeightTensors StackSentWeights(Groups groups, const CpcPlan& plan, at::Device device);

// Parameters initialised from a seed, in `type` on `device`, for all groups to share.
CpcWeightTensors MakeSeedWeights(const CpcParameterKey& key, at::ScalarType type, at::Device device);

// Bytes that making them takes beside them: what was drawn, and a parameter that is being arranged.
int64_t BytesToMakeSeedWeights(int64_t channels, int64_t dim, DType dtype);

// [G, ...] times `factors`, [G], float64; as it is where these are undefined.
at::Tensor TimesFactors(const at::Tensor& gradient, const at::Tensor& factors);

// Writes the gradients, TimesFactors, to those groups that want them; an undefined one is zero.
void WriteWeightGradients(Groups groups, const CpcPlan& plan, const CpcWeightTensors& gradients,
                          const at::Tensor& factors);

}  // namespace lossd::aten

#endif  // LOSSD_CORE_LOSSES_ATEN_CPC_WEIGHTS_H_
