// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Copies payloads from a message's slices to where they are computed on.

#ifndef LOSSD_PROTO_WIRE_PAYLOAD_H_
#define LOSSD_PROTO_WIRE_PAYLOAD_H_

#include <cstddef>

#include "absl/types/span.h"
#include "core/tensor/dtype.h"
#include "grpcpp/support/slice.h"
#include "proto/wire/reader.h"

namespace lossd::wire {

// Copies the payload of a tensor whose elements are `wire_dtype`, once, into `destination`, which is aligned to
// kBufferAlignment: 16-bit floats are widened to float32 on the way, all others stay as they are. Returns whether all
// elements are finite, which the same pass sees; integers are. Preconditions: `range` is of these slices, its length a
// multiple of the element's size, `destination` has room for as many elements of StorageDType(wire_dtype).
bool GatherPayload(absl::Span<const grpc::Slice> slices, const PayloadRange& range, DType wire_dtype,
                   std::byte* destination);

// Copies the payload as it is into `destination`, of range.length bytes and any alignment.
void CopyPayload(absl::Span<const grpc::Slice> slices, const PayloadRange& range, std::byte* destination);

}  // namespace lossd::wire

#endif  // LOSSD_PROTO_WIRE_PAYLOAD_H_
