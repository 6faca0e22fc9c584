// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/name_patterns.h"

#include <algorithm>

#include "absl/strings/strip.h"

namespace lossd {

NamePatterns::NamePatterns(const std::vector<absl::string_view>& names, const std::vector<bool>& choosable)
    : choosable_before_(names.size() + 1), changes_(names.size() + 1) {
  sorted_.reserve(names.size());
  for (size_t i = 0; i < names.size(); ++i) sorted_.push_back({names[i], i});
  std::sort(sorted_.begin(), sorted_.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
  for (size_t i = 0; i < sorted_.size(); ++i) {
    choosable_before_[i + 1] = choosable_before_[i] + (choosable[sorted_[i].index] ? 1 : 0);
  }
}

NamePatterns::Match NamePatterns::Choose(absl::string_view pattern) {
  const bool is_prefix = absl::ConsumeSuffix(&pattern, "*");
  const auto beginning = [&](const Entry& entry) { return entry.name.substr(0, pattern.size()); };
  const auto first = std::lower_bound(sorted_.begin(), sorted_.end(), pattern,
                                      [](const Entry& entry, absl::string_view name) { return entry.name < name; });
  const auto last =
      is_prefix
          ? std::upper_bound(first, sorted_.end(), pattern,
                             [&](absl::string_view prefix, const Entry& entry) { return prefix < beginning(entry); })
          : first + (first != sorted_.end() && first->name == pattern ? 1 : 0);
  const auto begin = static_cast<size_t>(first - sorted_.begin());
  const auto end = static_cast<size_t>(last - sorted_.begin());
  ++changes_[begin];
  --changes_[end];
  Match match;
  match.chooses = choosable_before_[end] > choosable_before_[begin];
  if (!is_prefix && begin < end && !match.chooses) match.excluded = first->index;
  return match;
}

std::vector<bool> NamePatterns::chosen() const {
  std::vector<bool> chosen(sorted_.size());
  int64_t patterns = 0;
  for (size_t i = 0; i < sorted_.size(); ++i) {
    patterns += changes_[i];
    chosen[sorted_[i].index] = patterns > 0 && choosable_before_[i + 1] > choosable_before_[i];
  }
  return chosen;
}

}  // namespace lossd
