// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Limits of the wire format, checked while the bytes are walked and before protobuf sees anything.

#ifndef LOSSD_PROTO_WIRE_LIMITS_H_
#define LOSSD_PROTO_WIRE_LIMITS_H_

#include <cstdint>

namespace lossd::wire {

// Far above what losses take: they bound what a stranger can make the server keep and look through.
inline constexpr int64_t kMaxInputs = 1024;
inline constexpr int64_t kMaxRank = 8;
inline constexpr int64_t kMaxNameBytes = 256;  // Of a tensor, a gradient, a request_id.
inline constexpr int64_t kMaxGradientNames = 1024;
inline constexpr int64_t kMaxHeaderBytes = 4 << 20;  // Of a message in all outside Tensor.data.

// Protobuf's own limits: nesting of messages and groups, and bytes of a length-delimited field. What is beyond is
// malformed for us, as for every parser.
inline constexpr int kMaxDepth = 100;
inline constexpr int64_t kMaxFieldBytes = INT32_MAX - 16;

// Payloads up to this size are copied into the bytes around them when a message is written; larger ones are referred
// to.
inline constexpr int64_t kMaxInlinePayloadBytes = 64 << 10;

}  // namespace lossd::wire

#endif  // LOSSD_PROTO_WIRE_LIMITS_H_
