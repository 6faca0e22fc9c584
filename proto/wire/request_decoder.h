// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Decodes a lossd.v1.ComputeRequest from the transport's slices.

#ifndef LOSSD_PROTO_WIRE_REQUEST_DECODER_H_
#define LOSSD_PROTO_WIRE_REQUEST_DECODER_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/tensor/tensor_spec.h"
#include "grpcpp/support/slice.h"
#include "lossd/v1/loss_service.pb.h"
#include "proto/wire/reader.h"

namespace lossd::wire {

// A request whose payloads were not touched.
struct DecodedRequest {
  v1::ComputeRequest header;           // Without inputs.
  std::vector<TensorSpec> specs;       // The inputs, with their dtypes on the wire and distinct names;
  std::vector<PayloadRange> payloads;  // where their elements lie, of the length that the spec asks for.
};

// Decodes a message in one walk, with protobuf's semantics: fields in any order, unknown fields skipped, the last of a
// repeated singular field wins, submessages merge. The limits of limits.h are checked before protobuf parses anything;
// payloads are only located. INVALID_ARGUMENT with the field where bytes are malformed, a limit is exceeded, a dtype is
// not known, two inputs share a name, or a payload has not the length of its shape. Thread-safe.
absl::StatusOr<DecodedRequest> DecodeRequest(absl::Span<const grpc::Slice> slices);

// The request_id of a message that DecodeRequest may have refused, as far as it can be read: the last valid one before
// the first malformed byte; empty if there is none. Thread-safe.
std::string DecodeRequestId(absl::Span<const grpc::Slice> slices);

// The number of an unknown field in `loss` where no member that this build knows is set: a loss of another version.
// Nullopt where a known member is set, or nothing at all.
std::optional<int> UnknownLossMember(const v1::LossSpec& loss);

}  // namespace lossd::wire

#endif  // LOSSD_PROTO_WIRE_REQUEST_DECODER_H_
