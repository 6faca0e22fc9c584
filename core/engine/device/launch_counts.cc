// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/device/launch_counts.h"

namespace lossd {

std::optional<int64_t> LaunchCounts::Known(const std::string& key) {
  absl::MutexLock lock(&mu_);
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.left == 0) return std::nullopt;
  --found->second.left;
  return found->second.count;
}

void LaunchCounts::Set(const std::string& key, int64_t count) {
  absl::MutexLock lock(&mu_);
  if (entries_.size() == kMostKeys && entries_.count(key) == 0) entries_.clear();
  entries_[key] = {count, kPeriod - 1};
}

}  // namespace lossd
