// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/status/spelling.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace lossd {
namespace {

constexpr size_t kLongestName = 64;  // The distance takes the product of both lengths.

size_t Distance(absl::string_view a, absl::string_view b) {
  // From the letters of `a` so far, and without the last and the one before it, to each beginning of `b`.
  std::vector<size_t> row(b.size() + 1), before(b.size() + 1), two_before(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    std::swap(before, two_before);
    std::swap(row, before);
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      row[j + 1] = std::min({before[j] + (a[i] == b[j] ? 0 : 1), row[j] + 1, before[j + 1] + 1});
      const bool swapped = i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j];
      if (swapped) row[j + 1] = std::min(row[j + 1], two_before[j - 1] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::optional<std::string> NearestName(absl::string_view word, const std::vector<std::string>& names) {
  if (word.size() > kLongestName) return std::nullopt;
  std::optional<std::string> nearest;
  size_t least = word.size() / 4 + 1;
  for (const std::string& name : names) {
    const size_t distance = Distance(word, name);
    if (distance >= least) continue;
    least = distance;
    nearest = name;
  }
  return nearest;
}

}  // namespace lossd
