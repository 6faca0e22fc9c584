// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/scheduling/run_times.h"

#include <algorithm>

namespace lossd {

void RunTimes::Record(absl::string_view key, absl::Duration run) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    entries_.push_front({.key = std::string(key), .shortest = run, .runs = 1});
    by_key_.emplace(entries_.front().key, entries_.begin());
  } else {
    Entry& entry = *found->second;
    entry.shortest = std::min(entry.shortest, run);
    entry.runs = std::min(entry.runs + 1, kEnoughRuns);
    entries_.splice(entries_.begin(), entries_, found->second);
  }
  if (entries_.size() > max_keys_) {
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

std::optional<absl::Duration> RunTimes::Shortest(absl::string_view key) const {
  const auto found = by_key_.find(key);
  if (found == by_key_.end() || found->second->runs < kEnoughRuns) return std::nullopt;
  return found->second->shortest;
}

}  // namespace lossd
