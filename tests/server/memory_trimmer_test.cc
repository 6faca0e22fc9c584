// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/memory_trimmer.h"

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

class MemoryTrimmerTest : public ::testing::Test {
 protected:
  BufferPool pool_{1 << 20};
  int heap_trims_ = 0;
  MemoryTrimmer trimmer_{pool_, [this] { ++heap_trims_; }, absl::Hours(1000)};  // Its own thread does nothing.
};

// What is refused takes of the heap and not of the pool.
TEST_F(MemoryTrimmerTest, TrimsTheHeapAfterEveryPeriodWithoutComputations) {
  pool_.Allocate(1000);
  trimmer_.Trim();
  EXPECT_EQ(heap_trims_, 0);
  trimmer_.Trim();
  EXPECT_EQ(heap_trims_, 1);
  trimmer_.Trim();
  EXPECT_EQ(heap_trims_, 2);
  pool_.Allocate(1000);
  trimmer_.Trim();
  EXPECT_EQ(heap_trims_, 2);
}

TEST_F(MemoryTrimmerTest, LeavesTheHeapAloneWhileAComputationLasts) {
  Buffer buffer = pool_.Allocate(1000);
  trimmer_.Trim();
  trimmer_.Trim();
  EXPECT_EQ(heap_trims_, 0);
  buffer = Buffer();
  trimmer_.Trim();
  EXPECT_EQ(heap_trims_, 1);
}

TEST_F(MemoryTrimmerTest, FreesBuffersThatHaveLainIdleAllThroughAPeriod) {
  pool_.Allocate(1000);
  trimmer_.Trim();
  EXPECT_GT(pool_.idle_bytes(), 0u);
  trimmer_.Trim();
  EXPECT_EQ(pool_.idle_bytes(), 0u);
}

TEST(MemoryTrimmerThreadTest, TrimsEveryPeriod) {
  BufferPool pool(1 << 20);
  absl::Notification trimmed;
  const MemoryTrimmer trimmer(
      pool,
      [&trimmed] {
        if (!trimmed.HasBeenNotified()) trimmed.Notify();
      },
      absl::Milliseconds(1));
  trimmed.WaitForNotification();
}

}  // namespace
}  // namespace lossd
