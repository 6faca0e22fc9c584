// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/status/number_text.h"

#include <charconv>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace lossd {

std::string RoundTripText(double value) {
  std::string text = absl::StrCat(value);
  double back = 0;
  if (value != value || (absl::SimpleAtod(text, &back) && back == value)) return text;
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;  // Shortest of those that read back.
  return std::string(digits, end);
}

}  // namespace lossd
