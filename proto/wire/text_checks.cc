// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/text_checks.h"

#include "absl/strings/cord.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/status/errors.h"
#include "proto/wire/limits.h"

namespace lossd::wire {
namespace {

// What may follow a leading byte: how many bytes, and the range of the first of them. Others are 0x80 to 0xbf.
struct Sequence {
  size_t following;
  uint8_t first_low = 0x80;
  uint8_t first_high = 0xbf;
};

// `following` is 4, more than a sequence can have, for bytes that begin none.
constexpr Sequence SequenceOf(uint8_t lead) {
  if (lead < 0x80) return {0};
  if (lead < 0xc2) return {4};
  if (lead < 0xe0) return {1};
  if (lead == 0xe0) return {2, 0xa0, 0xbf};
  if (lead == 0xed) return {2, 0x80, 0x9f};
  if (lead < 0xf0) return {2};
  if (lead == 0xf0) return {3, 0x90, 0xbf};
  if (lead < 0xf4) return {3};
  if (lead == 0xf4) return {3, 0x80, 0x8f};
  return {4};
}

constexpr absl::string_view kMalformedUrl = "lossd/malformed";

absl::Status MarkedMalformed(absl::Status status) {
  status.SetPayload(kMalformedUrl, absl::Cord());
  return status;
}

}  // namespace

bool IsValidUtf8(absl::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const Sequence sequence = SequenceOf(static_cast<uint8_t>(text[i++]));
    if (sequence.following > 3 || sequence.following > text.size() - i) return false;
    for (size_t k = 0; k < sequence.following; ++k, ++i) {
      const uint8_t byte = static_cast<uint8_t>(text[i]);
      if (byte < (k == 0 ? sequence.first_low : 0x80)) return false;
      if (byte > (k == 0 ? sequence.first_high : 0xbf)) return false;
    }
  }
  return true;
}

absl::StatusOr<std::string> ReadName(absl::string_view field, const Reader& content) {
  if (content.remaining() > kMaxNameBytes) {
    return InvalidField(field, absl::StrCat("expected at most ", kMaxNameBytes, " bytes, got ", content.remaining()));
  }
  std::string name;
  content.AppendTo(name);
  if (!IsValidUtf8(name)) return Malformed(field, "UTF-8");
  return name;
}

std::string TensorPath(absl::string_view list, absl::string_view name, int64_t index, absl::string_view part) {
  const std::string key = name.empty() ? absl::StrCat(index) : absl::Utf8SafeCEscape(name);
  return absl::StrCat(list, "[", key, "]", part);
}

absl::Status Malformed(absl::string_view field, absl::string_view expectation) {
  return MarkedMalformed(InvalidField(field, absl::StrCat("malformed: expected ", expectation, ", got other bytes")));
}

absl::Status Malformed(absl::string_view field, const Reader& cursor) {
  return MarkedMalformed(
      InvalidField(field, absl::StrCat("malformed: expected a protobuf field, got other bytes before byte ",
                                       cursor.position(), " of the message")));
}

bool IsMalformed(const absl::Status& status) { return status.GetPayload(kMalformedUrl).has_value(); }

}  // namespace lossd::wire
