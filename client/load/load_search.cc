// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/load_search.h"

#include <algorithm>
#include <cmath>

#include "core/status/status_macros.h"

namespace lossd::load {
namespace {

bool CloseEnough(const SearchRange& range, double good, double bad) {
  return bad - good <= range.resolution * good || (range.whole && bad - good <= 1);
}

}  // namespace

absl::StatusOr<std::optional<double>> FindHighestLoad(const SearchRange& range,
                                                      absl::FunctionRef<absl::StatusOr<bool>(double load)> meets) {
  double good = range.lowest;
  LOSSD_ASSIGN_OR_RETURN(bool met, meets(good));
  if (!met) return std::nullopt;
  double bad = good;
  while (met) {
    if (good >= range.highest) return good;
    bad = std::min(2 * good, range.highest);
    LOSSD_ASSIGN_OR_RETURN(met, meets(bad));
    if (met) good = bad;
  }
  while (!CloseEnough(range, good, bad)) {
    const double middle = range.whole ? std::floor((good + bad) / 2) : (good + bad) / 2;
    LOSSD_ASSIGN_OR_RETURN(met, meets(middle));
    (met ? good : bad) = middle;
  }
  return good;
}

}  // namespace lossd::load
