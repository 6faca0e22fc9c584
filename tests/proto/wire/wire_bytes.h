// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Writes protobuf's wire format by hand, also what no encoder writes, and cuts it into slices.

#ifndef LOSSD_TESTS_PROTO_WIRE_WIRE_BYTES_H_
#define LOSSD_TESTS_PROTO_WIRE_WIRE_BYTES_H_

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "grpcpp/support/slice.h"

namespace lossd::wire {

std::string Varint(uint64_t value);
// A varint of `bytes` bytes, longer than it needs to be.
std::string PaddedVarint(uint64_t value, int bytes);
std::string Tag(uint32_t number, uint32_t wire_type);
std::string VarintField(uint32_t number, uint64_t value);
std::string Fixed32Field(uint32_t number, uint32_t value);
std::string Fixed64Field(uint32_t number, uint64_t value);
std::string BytesField(uint32_t number, absl::string_view content);
std::string GroupField(uint32_t number, absl::string_view content);

// A Tensor field by field, in stock order.
std::string TensorBytes(absl::string_view name, int dtype, const std::vector<int64_t>& shape, absl::string_view data);

// `bytes` in slices of `size` bytes; the last may be shorter.
std::vector<grpc::Slice> Cut(absl::string_view bytes, size_t size);
// `bytes` in slices of random sizes, empty ones among them.
std::vector<grpc::Slice> CutAtRandom(absl::string_view bytes, std::mt19937& random);
// The slices' bytes, joined.
std::string Joined(const std::vector<grpc::Slice>& slices);

}  // namespace lossd::wire

#endif  // LOSSD_TESTS_PROTO_WIRE_WIRE_BYTES_H_
