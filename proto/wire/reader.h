// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Reads protobuf's wire format from slices, without joining them.

#ifndef LOSSD_PROTO_WIRE_READER_H_
#define LOSSD_PROTO_WIRE_READER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/types/span.h"
#include "grpcpp/support/slice.h"
#include "proto/wire/limits.h"

namespace lossd::wire {

// Where a run of bytes lies in a message's slices: from byte `offset` of slice `slice` on, perhaps over several slices.
struct PayloadRange {
  size_t slice = 0;
  size_t offset = 0;
  int64_t length = 0;
};

enum class WireType : uint8_t { kVarint, kFixed64, kLengthDelimited, kStartGroup, kEndGroup, kFixed32 };

struct Field;

// A cursor over a part of a message. A small value: copies move on their own. Borrows the slices, which outlive it and
// keep their place. Never reads past its end, whatever the bytes are; allocates nothing but in AppendTo, and for deep
// groups. Thread-compatible.
//
//    slices   |......tag len conte|nt content|tag value.....|     anything may be cut anywhere
//    whole           |----------------------|                     of a Field,
//    content                 |--------------|                     and of that
class Reader {
 public:
  // Over all bytes of `slices`, some of which may be empty. Walks them once, for their lengths.
  explicit Reader(absl::Span<const grpc::Slice> slices);

  // Nothing is left. Reading then gives nullopt.
  bool AtEnd() const { return position_ == end_; }
  // Whether what comes next is a group, if it is anything: reading it takes as long as all that is in it.
  bool AtGroup() const { return !AtEnd() && (*next_ & 7) == static_cast<uint8_t>(WireType::kStartGroup); }
  // Bytes from the message's first to the cursor.
  int64_t position() const { return position_; }
  // Bytes from the cursor to the end.
  int64_t remaining() const { return end_ - position_; }

  // Reads the next field and moves behind it; a group is walked to its end. Nullopt where the bytes are not a field,
  // for protobuf as for us: the cursor is where that was seen. A length-delimited field is passed over in steps of
  // slices, whatever is in it.
  std::optional<Field> ReadField();

  // Reads a varint of at most 10 bytes, dropping bits beyond 64; nullopt if there is none.
  std::optional<uint64_t> ReadVarint() {
    // Most have one byte or two, and lie in the middle of a slice.
    if (remaining() > 2 && slice_end_ - next_ > 2) {
      if (next_[0] < 0x80) return TakeShort(1, next_[0]);
      if (next_[1] < 0x80) return TakeShort(2, static_cast<uint64_t>(next_[0] & 0x7f) | uint64_t{next_[1]} << 7);
    }
    return ReadLongVarint();
  }

  // Where the remaining bytes are, from the cursor to the end. Takes no time.
  PayloadRange Range() const;
  // Appends the remaining bytes to `text`.
  void AppendTo(std::string& text) const;

 private:
  // Moves the cursor by so few bytes that it stays within its slice.
  uint64_t TakeShort(int64_t bytes, uint64_t value) {
    next_ += bytes;
    position_ += bytes;
    return value;
  }
  std::optional<uint64_t> ReadLongVarint();
  std::optional<uint8_t> ReadByte();
  std::optional<uint32_t> ReadTag();
  std::optional<int64_t> ReadLength();
  bool Skip(int64_t bytes);
  bool SkipValue(WireType type);
  bool SkipGroup(uint32_t number);
  // These keep next_ on a byte of a slice as long as the cursor is not at its end.
  void EnterSlice();
  void Advance(int64_t bytes);

  const grpc::Slice* slices_;
  size_t slice_ = 0;                    // The cursor's slice;
  const uint8_t* next_ = nullptr;       // the byte in it, unless the cursor is at the end;
  const uint8_t* slice_end_ = nullptr;  // and where it ends.
  int64_t position_ = 0;                // From the first slice's first byte on, like end_.
  int64_t end_ = 0;
  int depth_ = kMaxDepth;  // Levels of nesting that are still allowed below this one.
};

// A field as it stands on the wire.
struct Field {
  uint32_t number;  // >= 1
  WireType type;    // Never kEndGroup.
  Reader whole;     // From the tag to the end.
  Reader content;   // Of a length-delimited field: the bytes behind the length, one level deeper; else empty.
};

}  // namespace lossd::wire

#endif  // LOSSD_PROTO_WIRE_READER_H_
