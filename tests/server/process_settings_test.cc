// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process_settings.h"

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

TEST(ProcessSettingsTest, MemoryThatNobodyUsesGoesBackToTheSystem) {
#ifndef LOSSD_TCMALLOC
  GTEST_SKIP() << "a sanitizer's allocator keeps what was freed";
#endif
  ApplyProcessSettings();
  constexpr size_t kBlock = size_t{32} << 10;  // As the transport takes them.
  constexpr size_t kBlocks = 4096;
  std::vector<std::unique_ptr<char[]>> blocks;
  for (size_t i = 0; i < kBlocks; ++i) {
    blocks.push_back(std::make_unique<char[]>(kBlock));
    std::memset(blocks.back().get(), 1, kBlock);
  }
  const size_t used = ResidentBytes();
  ASSERT_GT(used, kBlock * kBlocks);
  blocks.clear();
  FreeUnusedHeap();
  EXPECT_LT(ResidentBytes(), used - kBlock * kBlocks / 2);
}

}  // namespace
}  // namespace lossd
