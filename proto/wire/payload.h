// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Copies payloads from a message's slices to where they are computed on.

#ifndef LOSSD_PROTO_WIRE_PAYLOAD_H_
#define LOSSD_PROTO_WIRE_PAYLOAD_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "core/tensor/convert.h"
#include "core/tensor/dtype.h"
#include "grpcpp/support/slice.h"
#include "proto/wire/reader.h"

namespace lossd::wire {

// A payload from so many bytes on is copied past the caches, which could not hold it and its source together.
inline constexpr int64_t kMinStreamedBytes = int64_t{8} << 20;

// Copies the payload of a tensor whose elements are `wire_dtype`, once, into `destination`, which is aligned to
// kBufferAlignment: 16-bit floats are widened to float32 on the way, all others stay as they are. Returns what the same
// pass sees: whether all elements are finite; integers are; and, if `sum_squares`, the sum of squares of FLOAT32 and
// FLOAT64. Without `widens`, 16-bit floats stay as they are, too: a device widens them. Preconditions: `range` is of
// these slices, its length a multiple of the element's size, `destination` has room for as many elements of
// StorageDType(wire_dtype), or of wire_dtype without `widens`.
InputSweep GatherPayload(absl::Span<const grpc::Slice> slices, const PayloadRange& range, DType wire_dtype,
                         std::byte* destination, bool sum_squares = false, bool widens = true);

// Copies the payload as it is into `destination`, of range.length bytes and any alignment. Both are thread-safe for
// different destinations, allocate nothing and cannot fail.
void CopyPayload(absl::Span<const grpc::Slice> slices, const PayloadRange& range, std::byte* destination);

}  // namespace lossd::wire

#endif  // LOSSD_PROTO_WIRE_PAYLOAD_H_
