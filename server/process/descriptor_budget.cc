// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process/descriptor_budget.h"

#include <sys/resource.h>

#include <algorithm>
#include <limits>

namespace lossd {

DescriptorBudget BudgetOf(int64_t limit) {
  const int64_t reserve = std::clamp<int64_t>(limit / 4, 16, 256);
  const int64_t share = reserve * 3 / 8;  // A quarter is left for files.
  return {.below = limit - reserve, .admin = share, .http = share};
}

int64_t DescriptorLimit() {
  constexpr int64_t kMost = std::numeric_limits<int>::max();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kMost;
  return static_cast<int64_t>(std::min<rlim_t>(limit.rlim_cur, kMost));
}

}  // namespace lossd
