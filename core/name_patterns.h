// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Names and prefixes that choose among many names.

#ifndef LOSSD_CORE_NAME_PATTERNS_H_
#define LOSSD_CORE_NAME_PATTERNS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"

namespace lossd {

// Chooses names by patterns: a name, or a prefix that ends in *. Some names may not be chosen. n names and m patterns
// take some (n + m) log n steps, however many names each pattern matches: a pattern matches names that lie side by side
// once they are sorted, and only where they begin and end is noted.
//
//    sorted_      a.0  a.1   b   b.x   c     for the patterns a.*, b* and b
//    changes_     +1    0   +1   -1   -1     and so a.0, a.1 and b.x are matched by one of them, b by two, c by none
//
// Not thread-safe.
class NamePatterns {
 public:
  // `names` are views of what outlives this, each once; only those of `choosable`, of the same size, can be chosen.
  // Before the first Choose none is.
  NamePatterns(const std::vector<absl::string_view>& names, const std::vector<bool>& choosable);

  struct Match {
    bool chooses = false;            // At least one name.
    std::optional<size_t> excluded;  // The name that the pattern is, where that may not be chosen.
  };

  // Chooses what `pattern` matches, and may be chosen.
  Match Choose(absl::string_view pattern);

  // For each name whether it was chosen.
  std::vector<bool> chosen() const;

 private:
  struct Entry {
    absl::string_view name;
    size_t index;  // Into the names as they were given.
  };

  std::vector<Entry> sorted_;              // By name.
  std::vector<int64_t> choosable_before_;  // How many of sorted_'s first 0, 1, ..., n may be chosen.
  std::vector<int64_t> changes_;           // Of the number of patterns that match, from each of sorted_ to the next.
};

}  // namespace lossd

#endif  // LOSSD_CORE_NAME_PATTERNS_H_
