// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/npy/zip_archive.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/npy/little_endian.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

constexpr absl::string_view kLocal("PK\x03\x04", 4), kDirectory("PK\x01\x02", 4), kEnd("PK\x05\x06", 4);
constexpr size_t kLocalBytes = 30, kDirectoryBytes = 46, kEndBytes = 22;
constexpr uint64_t kMostExpansion = 1032;  // Of deflate.
constexpr uint32_t kInZip64 = std::numeric_limits<uint32_t>::max();

absl::Status Malformed(absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("malformed archive: ", problem));
}

uint32_t Word(absl::string_view bytes, size_t at) { return static_cast<uint32_t>(LittleEndian(bytes, at, 4)); }
uint16_t HalfWord(absl::string_view bytes, size_t at) { return static_cast<uint16_t>(LittleEndian(bytes, at, 2)); }

absl::StatusOr<size_t> FindEnd(absl::string_view bytes) {
  if (bytes.size() < kEndBytes) return Malformed("truncated");
  const size_t at = bytes.rfind(kEnd, bytes.size() - kEndBytes);  // A comment may follow it.
  if (at == absl::string_view::npos) return Malformed("no directory at its end, perhaps truncated");
  return at;
}

absl::StatusOr<std::string> Inflate(absl::string_view packed, uint64_t bytes) {
  if (bytes > packed.size() * kMostExpansion + 64) return Malformed("a length that its data cannot have");
  std::string out(bytes, '\0');
  z_stream stream = {};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return absl::ResourceExhaustedError("no memory to unpack");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int code = inflate(&stream, Z_FINISH);
  const bool whole = code == Z_STREAM_END && stream.total_out == bytes;
  inflateEnd(&stream);
  return whole ? absl::StatusOr<std::string>(std::move(out)) : Malformed("a member's data cannot be unpacked");
}

uint32_t Checksum(absl::string_view bytes) {
  return static_cast<uint32_t>(
      crc32(crc32(0, nullptr, 0), reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

}  // namespace

bool IsZip(absl::string_view bytes) {
  return bytes.substr(0, kLocal.size()) == kLocal || bytes.substr(0, kEnd.size()) == kEnd;
}

absl::StatusOr<std::vector<ZipMember>> ListZip(absl::string_view bytes) {
  LOSSD_ASSIGN_OR_RETURN(const size_t end, FindEnd(bytes));
  const uint32_t count = HalfWord(bytes, end + 10);
  size_t at = Word(bytes, end + 16);
  std::vector<ZipMember> members;
  for (uint32_t i = 0; i < count; ++i) {
    if (at > end || end - at < kDirectoryBytes) return Malformed("a directory beyond its end, or ZIP64");
    if (bytes.substr(at, 4) != kDirectory) return Malformed("no member where the directory has one");
    const size_t name_bytes = HalfWord(bytes, at + 28);
    const size_t rest = HalfWord(bytes, at + 30) + HalfWord(bytes, at + 32);
    if (end - at - kDirectoryBytes < name_bytes + rest) return Malformed("a directory beyond its end");
    ZipMember member;
    member.name = std::string(bytes.substr(at + kDirectoryBytes, name_bytes));
    if (HalfWord(bytes, at + 8) & 1) return Malformed(absl::StrCat(member.name, " is encrypted"));
    member.method = HalfWord(bytes, at + 10);
    member.checksum = Word(bytes, at + 16);
    member.stored_bytes = Word(bytes, at + 20);
    member.bytes = Word(bytes, at + 24);
    member.header_offset = Word(bytes, at + 42);
    if (member.stored_bytes == kInZip64 || member.bytes == kInZip64 || member.header_offset == kInZip64) {
      return Malformed(absl::StrCat(member.name, ": expected less than 4 GiB"));
    }
    members.push_back(std::move(member));
    at += kDirectoryBytes + name_bytes + rest;
  }
  return members;
}

absl::StatusOr<std::string> ReadZipMember(absl::string_view bytes, const ZipMember& member) {
  const size_t at = member.header_offset;
  if (at > bytes.size() || bytes.size() - at < kLocalBytes || bytes.substr(at, 4) != kLocal) {
    return Malformed(absl::StrCat("no ", member.name, " where the directory has it"));
  }
  const size_t start = at + kLocalBytes + HalfWord(bytes, at + 26) + HalfWord(bytes, at + 28);
  if (start > bytes.size() || bytes.size() - start < member.stored_bytes) {
    return Malformed(absl::StrCat(member.name, " is truncated"));
  }
  const absl::string_view stored = bytes.substr(start, member.stored_bytes);
  std::string content;
  if (member.method == 0) {
    if (member.bytes != member.stored_bytes) return Malformed(absl::StrCat(member.name, " has two lengths"));
    content = std::string(stored);
  } else if (member.method == 8) {
    LOSSD_ASSIGN_OR_RETURN(content, Inflate(stored, member.bytes));
  } else {
    return Malformed(absl::StrCat(member.name, ": expected stored or deflated, got method ", member.method));
  }
  if (Checksum(content) != member.checksum) return Malformed(absl::StrCat(member.name, ": its checksum differs"));
  return content;
}

}  // namespace lossd
