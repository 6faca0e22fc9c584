// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process/cpu_quota.h"

#include <filesystem>
#include <fstream>

#include "gtest/gtest.h"
#include "tests/support/server_process.h"

namespace lossd {
namespace {

using ::lossd::testing::TemporaryFolder;

void Write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

TEST(CpuQuotaTest, RoundsUpAndKnowsNoLimit) {
  EXPECT_EQ(ParseCpuMax("150000 100000\n"), 2);
  EXPECT_EQ(ParseCpuMax("100000 100000"), 1);
  EXPECT_EQ(ParseCpuMax("max 100000"), std::nullopt);
  EXPECT_EQ(ParseCfsQuota("-1\n", "100000\n"), std::nullopt);
  EXPECT_EQ(ParseCfsQuota("50000\n", "100000\n"), 1);
}

TEST(CpuQuotaTest, TextThatIsSomethingElseIsNoLimit) {
  for (const char* text : {"", "x", "1", "1 2 3", "1 0", "nan 1", "1e300 1"}) {
    EXPECT_EQ(ParseCpuMax(text), std::nullopt) << text;
  }
}

TEST(CpuQuotaTest, SmallestOfQuotasAndAffinityWins) {
  const TemporaryFolder root;
  const int unlimited = UsableProcessors(root.path());
  EXPECT_GE(unlimited, 1);
  Write(root.File("cpu.max"), "100000 100000");
  EXPECT_EQ(UsableProcessors(root.path()), 1);
  Write(root.File("cpu.max"), "100000000 100000");
  EXPECT_EQ(UsableProcessors(root.path()), unlimited);
}

TEST(CpuQuotaTest, FirstVersionOfCgroupsCountsToo) {
  const TemporaryFolder root;
  std::filesystem::create_directory(root.File("cpu"));
  Write(root.File("cpu/cpu.cfs_quota_us"), "10000\n");
  Write(root.File("cpu/cpu.cfs_period_us"), "100000\n");
  EXPECT_EQ(UsableProcessors(root.path()), 1);
}

}  // namespace
}  // namespace lossd
