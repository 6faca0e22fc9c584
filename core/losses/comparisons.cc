// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/comparisons.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

constexpr absl::string_view kField = "loss.feature_map_contrastive.comparisons";
// Longest part of a faulty pair that is quoted.
constexpr size_t kMaxQuoted = 32;
// Longest decimal index, far above any number of inputs and far below overflow.
constexpr size_t kMaxDigits = 6;

absl::Status NotAPair(absl::string_view item) {
  return InvalidField(
      kField, absl::StrCat("expected pairs such as 01, r1 or 10:12, separated by commas, got \"",
                           absl::CHexEscape(item.substr(0, kMaxQuoted)), item.size() > kMaxQuoted ? "...\"" : "\""));
}

// Reads `r` or a decimal index without leading zeros.
bool ParseIndex(absl::string_view text, std::optional<int32_t>& index) {
  index.reset();
  if (text == "r") return true;
  if (text.empty() || text.size() > kMaxDigits || (text.size() > 1 && text[0] == '0')) return false;
  if (!std::all_of(text.begin(), text.end(), absl::ascii_isdigit)) return false;
  int32_t value = 0;
  if (!absl::SimpleAtoi(text, &value)) return false;
  index = value;
  return true;
}

absl::StatusOr<Comparison> ParsePair(absl::string_view item) {
  const size_t colon = item.find(':');
  const bool has_colon = colon != absl::string_view::npos;
  if (!has_colon && item.size() != 2) return NotAPair(item);
  const absl::string_view anchor = item.substr(0, has_colon ? colon : 1);
  const absl::string_view positive = item.substr(has_colon ? colon + 1 : 1);
  Comparison pair;
  if (!ParseIndex(anchor, pair.anchor) || !ParseIndex(positive, pair.positive)) return NotAPair(item);
  return pair;
}

}  // namespace

std::string ComparisonsText(const std::vector<Comparison>& comparisons) {
  const auto part = [](std::optional<int32_t> index) { return index.has_value() ? absl::StrCat(*index) : "r"; };
  return absl::StrJoin(comparisons, ",", [&](std::string* text, const Comparison& comparison) {
    absl::StrAppend(text, part(comparison.anchor), ":", part(comparison.positive));
  });
}

absl::StatusOr<std::vector<Comparison>> ParseComparisons(absl::string_view text) {
  if (text.size() > kMaxComparisonsText) {
    return InvalidField(kField,
                        absl::StrCat("expected at most ", kMaxComparisonsText, " characters, got ", text.size()));
  }
  const size_t count = static_cast<size_t>(std::count(text.begin(), text.end(), ',')) + 1;
  if (count > kMaxComparisons) {
    return InvalidField(kField, absl::StrCat("expected at most ", kMaxComparisons, " pairs, got ", count));
  }
  std::vector<Comparison> comparisons;
  comparisons.reserve(count);
  for (absl::string_view item : absl::StrSplit(text, ',')) {
    LOSSD_ASSIGN_OR_RETURN(comparisons.emplace_back(), ParsePair(absl::StripAsciiWhitespace(item)));
  }
  return comparisons;
}

}  // namespace lossd
