// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/compute/plan_cache.h"

#include "absl/hash/hash.h"

namespace lossd {

std::shared_ptr<const PlannedRequest> PlanCache::Find(absl::string_view form) {
  absl::MutexLock lock(&mu_);
  const auto found = index_.find(form);
  if (found == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->second;
}

void PlanCache::Keep(std::string form, std::shared_ptr<const PlannedRequest> planned) {
  const size_t hash = absl::Hash<absl::string_view>()(form);
  Entries dropped;  // Freed after the lock.
  absl::MutexLock lock(&mu_);
  size_t& seen = seen_[hash % seen_.size()];
  if (std::exchange(seen, hash) != hash || index_.contains(form)) return;
  entries_.emplace_front(std::move(form), std::move(planned));
  index_.emplace(entries_.front().first, entries_.begin());
  if (entries_.size() <= max_plans_) return;
  index_.erase(entries_.back().first);
  dropped.splice(dropped.begin(), entries_, std::prev(entries_.end()));
}

size_t PlanCache::size() const {
  absl::MutexLock lock(&mu_);
  return entries_.size();
}

}  // namespace lossd
