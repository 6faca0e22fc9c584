// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What somebody meant who wrote a name that is none: "max_conections" is near to "max_connections".

#ifndef LOSSD_CORE_STATUS_SPELLING_H_
#define LOSSD_CORE_STATUS_SPELLING_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace lossd {

// The one of `names` that takes the fewest insertions, removals and replacements of a letter, and swaps of two
// neighbours, to be made of `word` (the optimal string alignment distance); the first of equals. Capitals count, and -
// and _ differ. nullopt if that is more than one letter in four, or `word` is longer than 64: it takes time in
// proportion to the letters of both.
std::optional<std::string> NearestName(absl::string_view word, const std::vector<std::string>& names);

}  // namespace lossd

#endif  // LOSSD_CORE_STATUS_SPELLING_H_
