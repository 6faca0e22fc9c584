// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/status/printable.h"

#include <cstddef>

#include "absl/strings/str_format.h"

namespace lossd {
namespace {

// The length of the UTF-8 character at the front of `text`; 0 if there is none, or a control character.
size_t PrintableCharacter(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return byte(0) >= 0x20 && byte(0) != 0x7f ? 1 : 0;
  const size_t length = byte(0) >= 0xf0 && byte(0) < 0xf5 ? 4 : byte(0) >= 0xe0 ? 3 : byte(0) >= 0xc2 ? 2 : 0;
  if (length == 0 || byte(0) >= 0xf5 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if (length == 2 && byte(0) == 0xc2 && byte(1) < 0xa0) return 0;  // C1 controls.
  if (length == 3 && byte(0) == 0xe2 && byte(1) == 0x80 && byte(2) >= 0xaa && byte(2) <= 0xae) return 0;  // Direction.
  if (length == 3 && byte(0) == 0xe2 && byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9) return 0;
  return length;
}

}  // namespace

std::string Printable(absl::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = PrintableCharacter(text);
    if (length > 0) {
      out.append(text.data(), length);
      text.remove_prefix(length);
      continue;
    }
    const char control = text.front();
    text.remove_prefix(1);
    if (control == '\t' || control == '\n' || control == '\r') {
      out += control == '\t' ? "\\t" : control == '\n' ? "\\n" : "\\r";
    } else {
      absl::StrAppendFormat(&out, "\\x%02x", static_cast<unsigned char>(control));
    }
  }
  return out;
}

}  // namespace lossd
