// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/reader.h"

#include <algorithm>

#include "absl/container/inlined_vector.h"

namespace lossd::wire {
namespace {

// Bytes of a tag or a length; protobuf reads no longer ones, though it drops a tag's bits beyond 32.
constexpr int64_t kMaxShortVarintBytes = 5;

}  // namespace

Reader::Reader(absl::Span<const grpc::Slice> slices) : slices_(slices.data()) {
  for (const grpc::Slice& slice : slices) end_ += static_cast<int64_t>(slice.size());
  if (!AtEnd()) EnterSlice();
}

// Puts the cursor on the first byte that there is from slice_ on. Precondition: it is not at the end.
void Reader::EnterSlice() {
  while (slices_[slice_].size() == 0) ++slice_;
  next_ = slices_[slice_].begin();
  slice_end_ = slices_[slice_].end();
}

// Moves the cursor within its slice, and from its end into the next one.
void Reader::Advance(int64_t bytes) {
  next_ += bytes;
  position_ += bytes;
  if (next_ < slice_end_ || AtEnd()) return;
  ++slice_;
  EnterSlice();
}

std::optional<uint8_t> Reader::ReadByte() {
  if (AtEnd()) return std::nullopt;
  const uint8_t byte = *next_;
  Advance(1);
  return byte;
}

std::optional<uint64_t> Reader::ReadLongVarint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    const std::optional<uint8_t> byte = ReadByte();
    if (!byte) return std::nullopt;
    value |= static_cast<uint64_t>(*byte & 0x7f) << shift;
    if (*byte < 0x80) return value;
  }
  return std::nullopt;
}

std::optional<uint32_t> Reader::ReadTag() {
  const int64_t start = position_;
  const std::optional<uint64_t> value = ReadVarint();
  if (!value || position_ - start > kMaxShortVarintBytes) return std::nullopt;
  const uint32_t tag = static_cast<uint32_t>(*value);
  const bool has_number = tag >> 3 != 0;
  return has_number ? std::optional(tag) : std::nullopt;
}

std::optional<int64_t> Reader::ReadLength() {
  const int64_t start = position_;
  const std::optional<uint64_t> length = ReadVarint();
  if (!length || position_ - start > kMaxShortVarintBytes ||
      *length > static_cast<uint64_t>(std::min(kMaxFieldBytes, remaining()))) {
    return std::nullopt;
  }
  return static_cast<int64_t>(*length);
}

bool Reader::Skip(int64_t bytes) {
  if (bytes > remaining()) return false;
  if (bytes < slice_end_ - next_) {
    next_ += bytes;
    position_ += bytes;
    return true;
  }
  while (bytes > 0) {
    const int64_t step = std::min<int64_t>(bytes, slice_end_ - next_);
    Advance(step);
    bytes -= step;
  }
  return true;
}

bool Reader::SkipValue(WireType type) {
  switch (type) {
    case WireType::kVarint:
      return ReadVarint().has_value();
    case WireType::kFixed64:
      return Skip(8);
    case WireType::kFixed32:
      return Skip(4);
    case WireType::kLengthDelimited: {
      const std::optional<int64_t> length = ReadLength();
      return length && Skip(*length);
    }
    default:
      return false;
  }
}

// Walks to the end of group `number`, behind whose start the cursor is.
bool Reader::SkipGroup(uint32_t number) {
  absl::InlinedVector<uint32_t, 4> open = {number};
  while (!open.empty()) {
    if (open.size() > static_cast<size_t>(depth_)) return false;
    const std::optional<uint32_t> tag = ReadTag();
    if (!tag) return false;
    const WireType type = static_cast<WireType>(*tag & 7);
    if (type == WireType::kStartGroup) {
      open.push_back(*tag >> 3);
    } else if (type == WireType::kEndGroup) {
      if (open.back() != *tag >> 3) return false;
      open.pop_back();
    } else if (!SkipValue(type)) {
      return false;
    }
  }
  return true;
}

std::optional<Field> Reader::ReadField() {
  Field field = {.number = 0, .type = WireType::kVarint, .whole = *this, .content = *this};
  const std::optional<uint32_t> tag = ReadTag();
  if (!tag) return std::nullopt;
  field.number = *tag >> 3;
  field.type = static_cast<WireType>(*tag & 7);
  field.content = *this;
  field.content.end_ = position_;
  if (field.type == WireType::kLengthDelimited) {
    const std::optional<int64_t> length = ReadLength();
    if (!length) return std::nullopt;
    field.content = *this;
    field.content.end_ = position_ + *length;
    --field.content.depth_;
    Skip(*length);
  } else if (field.type == WireType::kStartGroup ? !SkipGroup(field.number) : !SkipValue(field.type)) {
    return std::nullopt;
  }
  field.whole.end_ = position_;
  return field;
}

PayloadRange Reader::Range() const {
  if (AtEnd()) return {slice_, 0, 0};
  return {slice_, static_cast<size_t>(next_ - slices_[slice_].begin()), remaining()};
}

void Reader::AppendTo(std::string& text) const {
  if (remaining() <= slice_end_ - next_) {
    text.append(reinterpret_cast<const char*>(next_), static_cast<size_t>(remaining()));
    return;
  }
  text.reserve(text.size() + static_cast<size_t>(remaining()));
  Reader rest = *this;
  while (!rest.AtEnd()) {
    const int64_t step = std::min<int64_t>(rest.remaining(), rest.slice_end_ - rest.next_);
    text.append(reinterpret_cast<const char*>(rest.next_), static_cast<size_t>(step));
    rest.Skip(step);
  }
}

}  // namespace lossd::wire
