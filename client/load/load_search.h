// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Finds the highest load that meets an objective.

#ifndef LOSSD_CLIENT_LOAD_LOAD_SEARCH_H_
#define LOSSD_CLIENT_LOAD_LOAD_SEARCH_H_

#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

namespace lossd::load {

struct SearchRange {
  double lowest = 1;
  double highest = 1;        // >= lowest.
  double resolution = 0.05;  // Stop when the gap is at most this share of the load; for whole loads also at 1.
  bool whole = false;        // Loads are whole numbers (concurrency).
};

// The highest load within `range` for which `meets` is true, supposing that it stays false once it is false: doubles
// from the lowest until one misses, then halves the gap. Nullopt where the lowest misses; an error of `meets` ends the
// search, and is returned.
//
//    lowest 1      1 met, 2 met, 4 met, 8 met, 16 missed; 12 met, 14 missed, 13 missed: 12
absl::StatusOr<std::optional<double>> FindHighestLoad(const SearchRange& range,
                                                      absl::FunctionRef<absl::StatusOr<bool>(double load)> meets);

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_LOAD_SEARCH_H_
