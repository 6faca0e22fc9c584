// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// How many processors this process may use.

#ifndef LOSSD_SERVER_PROCESS_CPU_QUOTA_H_
#define LOSSD_SERVER_PROCESS_CPU_QUOTA_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace lossd {

// Processors that a cgroup's quota allows, rounded up; nullopt where there is no limit or the text is not understood.
// `cpu_max` is the content of cgroup v2's cpu.max: "150000 100000" or "max 100000".
std::optional<int> ParseCpuMax(absl::string_view cpu_max);
// The same of cgroup v1's cpu.cfs_quota_us and cpu.cfs_period_us.
std::optional<int> ParseCfsQuota(absl::string_view quota_us, absl::string_view period_us);

// The smaller of this process's cgroup quota (under `cgroup_root`, v2 then v1) and its affinity mask; at least 1.
int UsableProcessors(const std::string& cgroup_root = "/sys/fs/cgroup");

}  // namespace lossd

#endif  // LOSSD_SERVER_PROCESS_CPU_QUOTA_H_
