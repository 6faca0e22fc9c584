// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Tells requests that differ in nothing but their elements.

#ifndef LOSSD_PROTO_WIRE_REQUEST_FORM_H_
#define LOSSD_PROTO_WIRE_REQUEST_FORM_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "grpcpp/support/slice.h"
#include "proto/wire/reader.h"

namespace lossd::wire {

// A ComputeRequest as its form, which a training loop sends again and again, and what is new each time.
//
//    message   fields .. request_id .. inputs: tag, length, (name, dtype, shape, data: tag, length, elements) ..
//    bytes     as is     left out      as is   as int64     as is              as is as int64     left out
struct RequestForm {
  // All bytes but those of request_id and of payloads, lengths included. If DecodeRequest accepts one message, it
  // accepts all whose forms have equal bytes, with equal specs, and equal headers but for request_id.
  std::string bytes;
  std::string request_id;              // As DecodeRequest reads it.
  std::vector<PayloadRange> payloads;  // Of each input, as DecodeRequest finds them.
};

// Reads the form of a message in one walk. Nullopt where it is not worth knowing, or not safe to: it is longer than
// kMaxFormBytes, a tensor has two payloads, the tag or the length of a tensor or a payload is longer than it needs to
// be, there is a group, request_id comes twice or is not valid, or bytes are malformed. Judges nothing else. Takes some
// microseconds at most, whatever the bytes are. Thread-safe.
std::optional<RequestForm> ReadForm(absl::Span<const grpc::Slice> slices);

// Of RequestForm::bytes. More than 44 parameters need.
inline constexpr size_t kMaxFormBytes = 4096;

// Whether decoding a message takes noticeably long, because it has more than kMaxShortHeaderBytes outside payloads, or
// may have in a group. Takes well below a millisecond, whatever the bytes are. Thread-safe.
bool HasLongHeader(absl::Span<const grpc::Slice> slices);

inline constexpr int64_t kMaxShortHeaderBytes = 64 << 10;

}  // namespace lossd::wire

#endif  // LOSSD_PROTO_WIRE_REQUEST_FORM_H_
