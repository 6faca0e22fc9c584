// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Fields of a loss's configuration as text, for flags.

#ifndef LOSSD_CLIENT_CLI_FIELD_TEXT_H_
#define LOSSD_CLIENT_CLI_FIELD_TEXT_H_

#include <algorithm>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "core/status/number_text.h"

namespace lossd::cli {

// All functions are pure and for any thread. Enums begin with 1, as those of the protocol do, and have
// a function NamesOf(value) that is found by its argument: the names of all values, in their order.

// "--target-dim" for target_dim.
inline std::string FlagNameOf(absl::string_view field) {
  return absl::StrCat("--", absl::StrReplaceAll(field, {{"_", "-"}}));
}

// A value as a flag takes it, which ReadText reads back as the same: a double with all its digits, a list with commas.
// Empty where there is none, and for an empty list. Precondition of an enum: a value that has a name.
template <typename T>
std::string TextOf(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_enum_v<T>) {
    return std::string(NamesOf(value)[static_cast<size_t>(value) - 1]);
  } else if constexpr (std::is_same_v<T, double>) {
    return RoundTripText(value);
  } else {
    return absl::StrCat(value);
  }
}
template <typename T>
std::string TextOf(const std::optional<T>& value) {
  return value.has_value() ? TextOf(*value) : "";
}
template <typename T>
std::string TextOf(const std::vector<T>& values) {
  return absl::StrJoin(values, ",", [](std::string* out, const T& value) { out->append(TextOf(value)); });
}

// Reads `text` into `value`. Returns what was expected where it is something else, with `value` in no particular state;
// empty where all is well. Ranges are the server's to check. Values of a list are added to those that are there.
template <typename T>
std::string ReadText(absl::string_view text, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return absl::SimpleAtob(text, &value) ? "" : "true or false";
  } else if constexpr (std::is_same_v<T, double>) {
    return absl::SimpleAtod(text, &value) ? "" : "a number";
  } else if constexpr (std::is_integral_v<T>) {
    return absl::SimpleAtoi(text, &value) ? "" : std::is_signed_v<T> ? "an integer" : "an integer >= 0";
  } else if constexpr (std::is_enum_v<T>) {
    const auto names = NamesOf(value);
    const auto found = std::find(names.begin(), names.end(), text);
    if (found == names.end()) return absl::StrJoin(names, " or ");
    value = static_cast<T>(found - names.begin() + 1);
    return "";
  } else {
    value = T(text);
    return "";
  }
}
template <typename T>
std::string ReadText(absl::string_view text, std::optional<T>& value) {
  return ReadText(text, value.emplace());
}
template <typename T>
std::string ReadText(absl::string_view text, std::vector<T>& values) {
  for (const absl::string_view item : absl::StrSplit(text, ',')) {
    const std::string expected = ReadText(item, values.emplace_back());
    if (!expected.empty()) return absl::StrCat(expected, ", and so on, separated by commas");
  }
  return "";
}

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_FIELD_TEXT_H_
