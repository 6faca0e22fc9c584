// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Turns the header of a request into what the core understands.

#ifndef LOSSD_SERVER_COMPUTE_REQUEST_CONVERSION_H_
#define LOSSD_SERVER_COMPUTE_REQUEST_CONVERSION_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/losses/loss_config.h"
#include "core/tensor/tensor_spec.h"
#include "lossd/v1/loss_service.pb.h"

namespace lossd {

// The request without its payloads: `inputs` are its tensors, as wire::DecodeRequest has them. Fails as
// wire::ToLossConfig does, and with INVALID_ARGUMENT, naming the field (`gradients.mode`), for values of enums and
// layouts that this version does not support. Whether the names of gradients are those of inputs, and the numbers in
// range, is left to LossBackend::Prepare. Thread-safe, as the following one.
absl::StatusOr<ComputeSpec> ToComputeSpec(const v1::ComputeRequest& header, std::vector<TensorSpec> inputs);

// How long the request may take by its own word; infinite if it says nothing. INVALID_ARGUMENT unless positive,
// and a Duration as protobuf has it: seconds and nanos of one sign, nanos below a second.
absl::StatusOr<absl::Duration> RequestTimeout(const v1::ComputeRequest& header);

}  // namespace lossd

#endif  // LOSSD_SERVER_COMPUTE_REQUEST_CONVERSION_H_
