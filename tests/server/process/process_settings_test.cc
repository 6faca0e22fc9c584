// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process/process_settings.h"

#include <cstddef>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace lossd {
namespace {

// Of this process, from /proc/self/statm.
size_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  size_t all = 0;
  size_t resident = 0;
  statm >> all >> resident;
  return resident * 4096;
}

constexpr size_t kBlock = size_t{32} << 10;  // As the transport takes them.
constexpr size_t kBlocks = 4096;

std::vector<std::unique_ptr<char[]>> MakeBlocks() {
  std::vector<std::unique_ptr<char[]>> blocks;
  for (size_t i = 0; i < kBlocks; ++i) {
    blocks.push_back(std::make_unique<char[]>(kBlock));
    std::memset(blocks.back().get(), 1, kBlock);
  }
  return blocks;
}

TEST(ProcessSettingsTest, MemoryThatNobodyUsesGoesBackToTheSystem) {
#ifndef LOSSD_TCMALLOC
  GTEST_SKIP() << "a sanitizer's allocator keeps what was freed";
#endif
  ApplyProcessSettings();
  std::vector<std::unique_ptr<char[]>> blocks = MakeBlocks();
  const size_t used = ResidentBytes();
  ASSERT_GT(used, kBlock * kBlocks);
  blocks.clear();
  FreeHeapBeyond(0);
  EXPECT_LT(ResidentBytes(), used - kBlock * kBlocks / 2);
}

TEST(ProcessSettingsTest, TheHeapKeepsWhatItMayAndSaysHowMuchItHas) {
#ifndef LOSSD_TCMALLOC
  EXPECT_EQ(HeapBytes(), 0u);
  GTEST_SKIP() << "a sanitizer's allocator keeps what was freed";
#endif
  std::vector<std::unique_ptr<char[]>> blocks = MakeBlocks();
  EXPECT_GE(HeapBytes(), kBlock * kBlocks);
  blocks.clear();
  const size_t used = HeapBytes();
  FreeHeapBeyond(used);
  EXPECT_EQ(HeapBytes(), used);
  FreeHeapBeyond(kBlock * kBlocks / 2);
  EXPECT_LT(HeapBytes(), used - kBlock * kBlocks / 4);
  FreeHeapBeyond(0);
  EXPECT_LT(HeapBytes(), used - kBlock * kBlocks / 2);
}

}  // namespace
}  // namespace lossd
