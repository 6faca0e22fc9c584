// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process/cpu_quota.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/process/system_files.h"

namespace lossd {
namespace {

int AffinityCount() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof(mask), &mask) != 0) return 1;
  return std::max(1, CPU_COUNT(&mask));
}

// This process's path in the v2 hierarchy: the line "0::/path" of /proc/self/cgroup.
std::string OwnCgroup() {
  for (absl::string_view line : absl::StrSplit(FileTextOrEmpty("/proc/self/cgroup"), '\n')) {
    if (line.substr(0, 3) == "0::") return std::string(line.substr(3));
  }
  return "/";
}

}  // namespace

std::optional<int> ParseCfsQuota(absl::string_view quota_us, absl::string_view period_us) {
  double quota = 0;
  double period = 0;
  if (!absl::SimpleAtod(absl::StripAsciiWhitespace(quota_us), &quota) ||
      !absl::SimpleAtod(absl::StripAsciiWhitespace(period_us), &period)) {
    return std::nullopt;
  }
  if (!(quota > 0) || !(period > 0) || quota / period > 1e6) return std::nullopt;
  return static_cast<int>(std::ceil(quota / period));
}

std::optional<int> ParseCpuMax(absl::string_view cpu_max) {
  const std::vector<absl::string_view> parts = absl::StrSplit(absl::StripAsciiWhitespace(cpu_max), ' ');
  if (parts.size() != 2) return std::nullopt;
  return ParseCfsQuota(parts[0], parts[1]);
}

int UsableProcessors(const std::string& cgroup_root) {
  int processors = AffinityCount();
  // Inside a container the own path is often not visible; then the root is the container's.
  for (const std::string& directory : {absl::StrCat(cgroup_root, OwnCgroup()), cgroup_root}) {
    if (const auto quota = ParseCpuMax(FileTextOrEmpty(directory + "/cpu.max")))
      processors = std::min(processors, *quota);
  }
  const auto v1 = ParseCfsQuota(FileTextOrEmpty(cgroup_root + "/cpu/cpu.cfs_quota_us"),
                                FileTextOrEmpty(cgroup_root + "/cpu/cpu.cfs_period_us"));
  if (v1.has_value()) processors = std::min(processors, *v1);
  return processors;
}

}  // namespace lossd
