// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Decodes a lossd.v1.ComputeResponse from the transport's slices: the client's half of the codec.

#ifndef LOSSD_PROTO_WIRE_RESPONSE_DECODER_H_
#define LOSSD_PROTO_WIRE_RESPONSE_DECODER_H_

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "grpcpp/support/slice.h"
#include "lossd/v1/loss_service.pb.h"
#include "proto/wire/tensor_decoder.h"

namespace lossd::wire {

// A response whose payloads were not touched; CopyPayload and GatherPayload fetch them.
struct DecodedResponse {
  v1::ComputeResponse header;  // Without outputs and gradients.
  TensorTable outputs;
  TensorTable gradients;
};

// Decodes a message like DecodeRequest does, but for its number of tensors, which may be any. A response that is
// malformed, or beyond a limit of limits.h, is the server's fault: INTERNAL, with what DecodeRequest would say. The
// header's `status` is not looked at: where it is an error, the server sends no tensors. Ranges are of `slices`, which
// outlive them. Thread-safe.
absl::StatusOr<DecodedResponse> DecodeResponse(absl::Span<const grpc::Slice> slices);

}  // namespace lossd::wire

#endif  // LOSSD_PROTO_WIRE_RESPONSE_DECODER_H_
