// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/http2/header_block.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace lossd::testing {
namespace {

constexpr uint64_t kStaticEntries = 61;
constexpr size_t kMaxEntries = 128;  // More than gRPC's table of 4 KB holds, with 32 bytes an entry beside its text.

std::string EncodeString(absl::string_view text) { return absl::StrCat(EncodeInteger(text.size(), 7, 0), text); }

std::optional<uint64_t> TakeInteger(absl::string_view& block, int prefix_bits) {
  if (block.empty()) return std::nullopt;
  const uint64_t mask = (uint64_t{1} << prefix_bits) - 1;
  uint64_t value = static_cast<uint8_t>(block[0]) & mask;
  block.remove_prefix(1);
  if (value < mask) return value;
  for (int shift = 0; !block.empty() && shift < 56; shift += 7) {
    const auto byte = static_cast<uint8_t>(block[0]);
    block.remove_prefix(1);
    value += static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return std::nullopt;
}

std::optional<std::string> TakeString(absl::string_view& block) {
  const auto length = TakeInteger(block, 7);
  if (!length.has_value() || *length > block.size()) return std::nullopt;
  std::string text(block.substr(0, *length));
  block.remove_prefix(*length);
  return text;
}

}  // namespace

std::string EncodeInteger(uint64_t value, int prefix_bits, uint8_t pattern) {
  const uint64_t mask = (uint64_t{1} << prefix_bits) - 1;
  if (value < mask) return std::string(1, static_cast<char>(pattern | value));
  std::string bytes(1, static_cast<char>(pattern | mask));
  for (value -= mask; value >= 0x80; value >>= 7) bytes += static_cast<char>(0x80 | (value & 0x7f));
  return bytes + static_cast<char>(value);
}

std::string EncodeHeaders(const HeaderList& headers) {
  std::string block;
  for (const auto& [name, value] : headers)
    absl::StrAppend(&block, std::string(1, '\0'), EncodeString(name), EncodeString(value));
  return block;
}

std::optional<HeaderList> HeaderDecoder::Decode(absl::string_view block) {
  HeaderList headers;
  while (!block.empty()) {
    if (!DecodeField(block, headers)) return std::nullopt;
  }
  return headers;
}

std::optional<std::pair<std::string, std::string>> HeaderDecoder::Entry(uint64_t index) const {
  if (index == 0) return std::nullopt;
  if (index <= kStaticEntries)
    return std::pair<std::string, std::string>(index == 8 ? ":status" : "", index == 8 ? "200" : "");
  if (index - kStaticEntries > table_.size()) return std::nullopt;
  return table_[index - kStaticEntries - 1];
}

bool HeaderDecoder::DecodeField(absl::string_view& block, HeaderList& headers) {
  const auto first = static_cast<uint8_t>(block[0]);
  if ((first & 0xe0) == 0x20) return TakeInteger(block, 5).has_value();  // A new size of the table.
  const bool whole = (first & 0x80) != 0, kept = !whole && (first & 0x40) != 0;
  const auto index = TakeInteger(block, whole ? 7 : kept ? 6 : 4);
  if (!index.has_value()) return false;
  auto entry = Entry(*index);
  if (whole) {
    if (!entry.has_value()) return false;
    headers.push_back(*std::move(entry));
    return true;
  }
  auto name = *index == 0 ? TakeString(block) : entry.has_value() ? std::optional(entry->first) : std::nullopt;
  auto value = TakeString(block);
  if (!name.has_value() || !value.has_value()) return false;
  headers.emplace_back(*std::move(name), *std::move(value));
  if (kept) table_.push_front(headers.back());
  if (table_.size() > kMaxEntries) table_.pop_back();
  return true;
}

}  // namespace lossd::testing
