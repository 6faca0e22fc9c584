// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/npy/safetensors.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/npy/little_endian.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

using nlohmann::json;

constexpr size_t kLengthBytes = 8;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // As the format's own reader has it.
constexpr char kMetadata[] = "__metadata__";

absl::Status Malformed(absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("malformed .safetensors file: ", problem));
}

// The header, and the elements behind it.
struct Parts {
  json header;
  absl::string_view elements;
};

absl::StatusOr<Parts> Split(absl::string_view bytes) {
  if (bytes.size() < kLengthBytes) return Malformed("truncated before its length");
  const uint64_t length = LittleEndian(bytes, 0, kLengthBytes);
  if (length > kMaxHeaderBytes || length > bytes.size() - kLengthBytes) return Malformed("a header beyond its end");
  const absl::string_view text = bytes.substr(kLengthBytes, length);
  json header = json::parse(text.begin(), text.end(), nullptr, false);
  if (!header.is_object()) return Malformed("expected a JSON object as header");
  return Parts{std::move(header), bytes.substr(kLengthBytes + length)};
}

std::optional<DType> ElementType(const std::string& name) {
  constexpr std::pair<const char*, DType> kTypes[] = {
      {"F64", DType::kFloat64}, {"F32", DType::kFloat32}, {"F16", DType::kFloat16}, {"BF16", DType::kBFloat16},
      {"I64", DType::kInt64},   {"I32", DType::kInt32},   {"U8", DType::kUint8}};
  for (const auto& [known, dtype] : kTypes) {
    if (name == known) return dtype;
  }
  return std::nullopt;
}

// A JSON array of whole numbers, none negative.
std::optional<std::vector<int64_t>> Integers(const json& entry, const char* key) {
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_array()) return std::nullopt;
  std::vector<int64_t> values;
  for (const json& value : *found) {
    if (!value.is_number_unsigned() || value.get<uint64_t>() > INT64_MAX) return std::nullopt;
    values.push_back(value.get<int64_t>());
  }
  return values;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ListSafetensors(absl::string_view bytes) {
  LOSSD_ASSIGN_OR_RETURN(const Parts parts, Split(bytes));
  std::vector<std::string> names;
  for (const auto& [name, entry] : parts.header.items()) {
    if (name != kMetadata) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<Tensor> ParseSafetensor(absl::string_view bytes, absl::string_view member, absl::string_view name) {
  LOSSD_ASSIGN_OR_RETURN(const Parts parts, Split(bytes));
  const auto found = parts.header.find(std::string(member));
  if (found == parts.header.end() || member == kMetadata) {
    return absl::InvalidArgumentError(absl::StrCat("no tensor '", member, "'"));
  }
  const auto type = found->is_object() ? found->find("dtype") : found->end();
  if (type == found->end() || !type->is_string()) return Malformed(absl::StrCat(member, ": no dtype"));
  const auto dtype = ElementType(type->get<std::string>());
  if (!dtype) {
    return absl::InvalidArgumentError(
        absl::StrCat(member, ": dtype: expected one of F64 F32 F16 BF16 I64 I32 U8, got ", type->get<std::string>()));
  }
  const auto shape = Integers(*found, "shape"), range = Integers(*found, "data_offsets");
  if (!shape || !range || range->size() != 2) return Malformed(absl::StrCat(member, ": no shape or no data_offsets"));
  LOSSD_ASSIGN_OR_RETURN(const int64_t expected, CheckedByteSize(*dtype, Shape(shape->begin(), shape->end())));
  const int64_t begin = (*range)[0], end = (*range)[1];
  if (begin > end || static_cast<uint64_t>(end) > parts.elements.size() || end - begin != expected) {
    return Malformed(absl::StrCat(member, ": expected ", expected, " bytes of elements within the file"));
  }
  BufferPool pool(0);  // Buffers outlive it and are freed, not kept.
  Tensor tensor({std::string(name), *dtype, Shape(shape->begin(), shape->end())},
                pool.Allocate(static_cast<size_t>(expected)));
  if (expected > 0) std::memcpy(tensor.bytes(), parts.elements.data() + begin, static_cast<size_t>(expected));
  return tensor;
}

}  // namespace lossd
