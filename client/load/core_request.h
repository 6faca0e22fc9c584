// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Turns a client's request into the core's.

#ifndef LOSSD_CLIENT_LOAD_CORE_REQUEST_H_
#define LOSSD_CLIENT_LOAD_CORE_REQUEST_H_

#include <vector>

#include "client/cpp/compute_request.h"
#include "core/losses/loss_config.h"
#include "core/tensor/tensor_spec.h"

namespace lossd::load {

// `request` over `inputs`, which are its inputs' specs as they are on the wire. Precondition: it names a loss. Checks
// nothing: LossBackend::Prepare does.
ComputeSpec ToCoreRequest(const client::ComputeRequest& request, std::vector<TensorSpec> inputs);

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_CORE_REQUEST_H_
