// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/proto/wire/wire_bytes.h"

#include <algorithm>

namespace lossd::wire {

std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<char>(value | 0x80));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}

std::string PaddedVarint(uint64_t value, int bytes) {
  std::string padded;
  for (int i = 0; i < bytes - 1; ++i, value >>= 7) padded.push_back(static_cast<char>(value | 0x80));
  padded.push_back(static_cast<char>(value & 0x7f));
  return padded;
}

std::string Tag(uint32_t number, uint32_t wire_type) { return Varint(static_cast<uint64_t>(number) << 3 | wire_type); }

std::string VarintField(uint32_t number, uint64_t value) { return Tag(number, 0) + Varint(value); }

std::string Fixed32Field(uint32_t number, uint32_t value) {
  return Tag(number, 5) + std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

std::string Fixed64Field(uint32_t number, uint64_t value) {
  return Tag(number, 1) + std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

std::string BytesField(uint32_t number, absl::string_view content) {
  return Tag(number, 2) + Varint(content.size()) + std::string(content);
}

std::string GroupField(uint32_t number, absl::string_view content) {
  return Tag(number, 3) + std::string(content) + Tag(number, 4);
}

std::string TensorBytes(absl::string_view name, int dtype, const std::vector<int64_t>& shape, absl::string_view data) {
  std::string extents;
  for (int64_t extent : shape) extents += Varint(static_cast<uint64_t>(extent));
  return BytesField(1, name) + VarintField(2, static_cast<uint64_t>(dtype)) + BytesField(3, extents) +
         BytesField(15, data);
}

std::vector<grpc::Slice> Cut(absl::string_view bytes, size_t size) {
  std::vector<grpc::Slice> slices;
  for (size_t i = 0; i < bytes.size(); i += size) {
    slices.emplace_back(bytes.data() + i, std::min(size, bytes.size() - i));
  }
  return slices;
}

std::vector<grpc::Slice> CutAtRandom(absl::string_view bytes, std::mt19937& random) {
  std::vector<grpc::Slice> slices;
  const size_t largest = size_t{1} << random() % 10;
  while (!bytes.empty()) {
    const size_t size = std::min<size_t>(bytes.size(), random() % (largest + 1));
    slices.emplace_back(bytes.data(), size);
    bytes.remove_prefix(size);
  }
  if (random() % 2) slices.emplace_back();
  return slices;
}

std::string Joined(const std::vector<grpc::Slice>& slices) {
  std::string bytes;
  for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

}  // namespace lossd::wire
