// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/settings/sizes.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace lossd {
namespace {

struct Unit {
  absl::string_view name;
  int64_t bytes;
};

constexpr Unit kBinary[] = {{"TiB", int64_t{1} << 40}, {"GiB", int64_t{1} << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}};
constexpr Unit kOthers[] = {
    {"TB", 1'000'000'000'000}, {"GB", 1'000'000'000}, {"MB", 1'000'000}, {"KB", 1000}, {"B", 1}, {"", 1}};

std::optional<int64_t> BytesOf(absl::string_view unit) {
  for (const Unit& known : kBinary) {
    if (absl::EqualsIgnoreCase(known.name, unit)) return known.bytes;
  }
  for (const Unit& known : kOthers) {
    if (absl::EqualsIgnoreCase(known.name, unit)) return known.bytes;
  }
  return std::nullopt;
}

}  // namespace

std::optional<int64_t> ParseBytes(absl::string_view text) {
  size_t end = 0;
  while (end < text.size() && (absl::ascii_isdigit(text[end]) || (end == 0 && text[end] == '-'))) ++end;
  int64_t number = 0;
  const std::optional<int64_t> unit = BytesOf(absl::StripAsciiWhitespace(text.substr(end)));
  if (!unit.has_value() || !absl::SimpleAtoi(text.substr(0, end), &number)) return std::nullopt;
  int64_t bytes = 0;
  if (__builtin_mul_overflow(number, *unit, &bytes)) return std::nullopt;
  return bytes;
}

std::string BytesText(int64_t bytes) {
  for (const Unit& unit : kBinary) {
    if (bytes != 0 && bytes % unit.bytes == 0) return absl::StrCat(bytes / unit.bytes, unit.name);
  }
  return absl::StrCat(bytes);
}

}  // namespace lossd
