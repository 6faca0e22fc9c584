// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/core_request.h"

#include <utility>

namespace lossd::load {
namespace {

GradientSelection ToCore(const client::GradientOptions& options) {
  GradientSelection selection;
  selection.mode = static_cast<GradientSelection::Mode>(options.mode);
  selection.names = options.names;
  selection.dtype = options.dtype;
  selection.scale = options.scale.value_or(1.0);
  return selection;
}

}  // namespace

ComputeSpec ToCoreRequest(const client::ComputeRequest& request, std::vector<TensorSpec> inputs) {
  ComputeSpec spec;
  spec.loss = client::ConfigOf(request.loss).value();
  spec.gradients = ToCore(request.gradients);
  spec.nonfinite_policy = request.nonfinite_policy == client::NonfinitePolicy::kReject ? NonfinitePolicy::kReject
                                                                                       : NonfinitePolicy::kReport;
  spec.inputs = std::move(inputs);
  return spec;
}

}  // namespace lossd::load
