// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/gemm_scratch.h"

#include <cstdint>
#include <cstring>
#include <thread>

#include "core/engine/gemm.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(GemmScratchTest, StaysTheSameForAThread) {
  void* const memory = GemmScratch();
  std::memset(memory, 1, kGemmScratchBytes);
  EXPECT_EQ(GemmScratch(), memory);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % 4096, 0u);
}

TEST(GemmScratchTest, IsNotSharedBetweenThreads) {
  void* const mine = GemmScratch();
  void* theirs = nullptr;
  std::thread([&] { theirs = GemmScratch(); }).join();
  EXPECT_NE(theirs, nullptr);
  EXPECT_NE(theirs, mine);
}

}  // namespace
}  // namespace lossd
