// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Encodes a lossd.v1.ComputeRequest as slices over the caller's memory: the client's half of the codec.

#ifndef LOSSD_PROTO_WIRE_REQUEST_ENCODER_H_
#define LOSSD_PROTO_WIRE_REQUEST_ENCODER_H_

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/tensor/tensor_spec.h"
#include "lossd/v1/loss_service.pb.h"
#include "proto/wire/message_writer.h"

namespace lossd::wire {

// An input in the caller's memory.
struct BorrowedTensor {
  TensorSpec spec;
  const std::byte* elements = nullptr;  // ByteSize(spec) bytes, as on the wire; may be null where that is 0.
  // Keeps the elements alive until the transport has dropped them, which may be after the call has ended (a call that
  // was cancelled may still lie in a send queue). Null: the elements outlive the channel.
  std::shared_ptr<const void> owner;
};

// Encodes `header` (its inputs are empty) with `inputs`, in their order. Payloads above kMaxInlinePayloadBytes are not
// copied, and must not change before the transport has dropped them; smaller ones may go at once.
// INVALID_ARGUMENT with the field where a spec has no byte size, or one that protobuf cannot carry. Other limits are
// the server's to check. Thread-safe.
absl::StatusOr<EncodedMessage> EncodeRequest(const v1::ComputeRequest& header, absl::Span<const BorrowedTensor> inputs);

}  // namespace lossd::wire

#endif  // LOSSD_PROTO_WIRE_REQUEST_ENCODER_H_
