// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Remembers the plans of requests that come again and again.

#ifndef LOSSD_SERVER_COMPUTE_PLAN_CACHE_H_
#define LOSSD_SERVER_COMPUTE_PLAN_CACHE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/loss_backend.h"

namespace lossd {

// All that a request says but its request_id and its elements. Immutable, and shared: it stays as long as somebody
// computes by it, kept or not.
struct PlannedRequest {
  std::shared_ptr<const Plan> plan;
  bool timing = false;                                // ComputeOptions.timing.
  absl::Duration timeout = absl::InfiniteDuration();  // ComputeOptions.timeout.
};

// Holds what became of the forms of requests (wire::RequestForm::bytes); the one that was not used for longest goes
// first. A form is kept when it comes the second time, so that those that never come again, such as with positions
// drawn anew for each step, do not push out the others.
//
//    1st  Find: null   Keep: a hash in one of 256 places, which another form may take before the 2nd
//    2nd  Find: null   Keep: kept, if the hash is still there
//    3rd  Find: kept, and the latest used
//
// Two forms are the same only if their bytes are; hashes decide nothing else. Thread-safe; one short lock, in which one
// form is hashed, compared or moved, not copied.
class PlanCache {
 public:
  // Keeps at most `max_plans` >= 0.
  explicit PlanCache(size_t max_plans) : max_plans_(max_plans) {}
  PlanCache(const PlanCache&) = delete;
  PlanCache& operator=(const PlanCache&) = delete;

  // What was kept for `form`, which counts as used then; null if nothing was.
  std::shared_ptr<const PlannedRequest> Find(absl::string_view form);
  // Offers what `form` became, which is not null. Nothing changes where one is kept for it already.
  void Keep(std::string form, std::shared_ptr<const PlannedRequest> planned);

  // Forms that are kept now.
  size_t size() const;

 private:
  using Entries = std::list<std::pair<const std::string, std::shared_ptr<const PlannedRequest>>>;

  const size_t max_plans_;
  mutable absl::Mutex mu_;
  Entries entries_ ABSL_GUARDED_BY(mu_);  // Latest used first.
  absl::flat_hash_map<absl::string_view, Entries::iterator> index_ ABSL_GUARDED_BY(mu_);
  std::array<size_t, 256> seen_ ABSL_GUARDED_BY(mu_) = {};  // Hashes of forms that came once, by their last bits.
};

}  // namespace lossd

#endif  // LOSSD_SERVER_COMPUTE_PLAN_CACHE_H_
