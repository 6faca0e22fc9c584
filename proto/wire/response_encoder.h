// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Encodes a lossd.v1.ComputeResponse as slices over the buffers its tensors lie in.

#ifndef LOSSD_PROTO_WIRE_RESPONSE_ENCODER_H_
#define LOSSD_PROTO_WIRE_RESPONSE_ENCODER_H_

#include "absl/types/span.h"
#include "core/tensor/tensor.h"
#include "lossd/v1/loss_service.pb.h"
#include "proto/wire/message_writer.h"

namespace lossd::wire {

// Encodes `header` (its outputs and gradients are empty) with `outputs` and `gradients`, whose specs' dtypes are those
// of the elements in memory. Payloads above kMaxInlinePayloadBytes are not copied: their slices hold a handle of the
// tensor's buffer, which goes back to its pool when the transport has dropped the slice. Any protobuf parser reads the
// result. Thread-safe.
EncodedMessage EncodeResponse(const v1::ComputeResponse& header, absl::Span<const Tensor> outputs,
                              absl::Span<const Tensor> gradients);

}  // namespace lossd::wire

#endif  // LOSSD_PROTO_WIRE_RESPONSE_ENCODER_H_
