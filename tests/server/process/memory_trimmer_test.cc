// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process/memory_trimmer.h"

#include <cstddef>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

constexpr size_t kMostHeapBytes = MemoryTrimmer::kMostHeapBytes;
constexpr size_t kGibibyte = size_t{1} << 30;

class MemoryTrimmerTest : public ::testing::Test {
 protected:
  // Runs the periods after which the trimmer looks for what lay idle.
  void Trim() {
    for (int i = 0; i < MemoryTrimmer::kTrimPeriods; ++i) trimmer_.RunPeriod();
  }

  size_t heap_bytes_ = 0;
  int heap_trims_ = 0;   // Of all that is free.
  int heap_bounds_ = 0;  // Of what is free beyond the heap's share,
  size_t kept_ = 0;      // and what that was last.
  size_t heap_free_ = 0;
  BufferPool pool_{size_t{256} << 20};
  MemoryTrimmer trimmer_{pool_,
                         {[this] { return heap_bytes_; }, [this] { return heap_free_; },
                          [this](size_t kept) {
                            ++(kept == 0 ? heap_trims_ : heap_bounds_);
                            kept_ = kept == 0 ? kept_ : kept;
                          }},
                         2 * kGibibyte - MemoryTrimmer::kKeptBytes,  // 2 GiB in all.
                         absl::Hours(1000)};                         // Its own thread does nothing.
};

// What is refused takes of the heap and not of the pool.
TEST_F(MemoryTrimmerTest, TrimsTheHeapWheneverNothingWasComputed) {
  pool_.Allocate(1000);
  Trim();
  EXPECT_EQ(heap_trims_, 0);
  Trim();
  EXPECT_EQ(heap_trims_, 1);
  Trim();
  EXPECT_EQ(heap_trims_, 2);
  pool_.Allocate(1000);
  Trim();
  EXPECT_EQ(heap_trims_, 2);
}

TEST_F(MemoryTrimmerTest, TrimsNothingBetweenItsLooks) {
  pool_.Allocate(1000);
  Trim();
  for (int i = 1; i < MemoryTrimmer::kTrimPeriods; ++i) trimmer_.RunPeriod();
  EXPECT_GT(pool_.idle_bytes(), 0u);
  EXPECT_EQ(heap_trims_, 0);
}

TEST_F(MemoryTrimmerTest, LeavesTheHeapItsShareWhileAComputationLasts) {
  Buffer buffer = pool_.Allocate(1000);
  Trim();
  Trim();
  EXPECT_EQ(heap_trims_, 0);
  EXPECT_EQ(heap_bounds_, 2 * MemoryTrimmer::kTrimPeriods);
  EXPECT_EQ(kept_, kMostHeapBytes);
  buffer = Buffer();
  Trim();
  EXPECT_EQ(heap_trims_, 1);
}

TEST_F(MemoryTrimmerTest, FreesBuffersThatHaveLainIdleAllThrough) {
  pool_.Allocate(1000);
  Trim();
  EXPECT_GT(pool_.idle_bytes(), 0u);
  Trim();
  EXPECT_EQ(pool_.idle_bytes(), 0u);
}

TEST_F(MemoryTrimmerTest, LeavesBuffersWhatTheHeapDoesNotTake) {
  pool_.Allocate(size_t{256} << 20);
  trimmer_.RunPeriod();
  EXPECT_EQ(pool_.idle_bytes(), size_t{256} << 20) << "no more than the pool was made for";
  heap_bytes_ = MemoryTrimmer::kKeptBytes - (size_t{200} << 20);
  trimmer_.RunPeriod();
  EXPECT_EQ(pool_.idle_bytes(), size_t{200} << 20);
  heap_bytes_ = size_t{4} << 30;
  trimmer_.RunPeriod();
  EXPECT_EQ(pool_.idle_bytes(), MemoryTrimmer::kLeastBufferBytes);
  heap_bytes_ = 0;
  trimmer_.RunPeriod();
  pool_.Allocate(size_t{256} << 20);
  EXPECT_EQ(pool_.idle_bytes(), size_t{256} << 20);
}

TEST_F(MemoryTrimmerTest, LeavesTheHeapWhatItHasUsedOfLateAndCallsMayHave) {
  heap_bytes_ = kGibibyte;
  trimmer_.RunPeriod();
  EXPECT_EQ(kept_, kMostHeapBytes) << "all of it is used";
  heap_free_ = kGibibyte;
  trimmer_.RunPeriod();
  EXPECT_EQ(kept_, kGibibyte) << "it was used a moment ago";
  {
    const Buffer live = pool_.Allocate(kGibibyte + kGibibyte / 2);
    trimmer_.RunPeriod();
    EXPECT_EQ(kept_, kGibibyte / 2) << "calls may have no more beside what they have";
    const Buffer all = pool_.Allocate(kGibibyte);
    trimmer_.RunPeriod();
    EXPECT_EQ(kept_, kMostHeapBytes);
  }
  Trim();
  Trim();
  trimmer_.RunPeriod();
  EXPECT_EQ(kept_, kMostHeapBytes) << "long ago";
}

// 1 GiB of buffers was live a moment ago: as much will be again.
TEST_F(MemoryTrimmerTest, LeavesBuffersWhatTheyHaveUsedOfLateAndCallsMayHave) {
  const auto use = [this](size_t bytes) { pool_.Allocate(bytes); };
  Buffer live = pool_.Allocate(kGibibyte);
  trimmer_.RunPeriod();
  live = Buffer();
  EXPECT_EQ(pool_.idle_bytes(), kGibibyte);
  {
    const Buffer half = pool_.Allocate(kGibibyte / 2);
    EXPECT_LE(pool_.idle_bytes(), kGibibyte / 2) << "no more than that, live and idle";
  }
  use(kGibibyte);
  EXPECT_EQ(pool_.idle_bytes(), kGibibyte);
  heap_bytes_ = kGibibyte + kGibibyte / 2;
  trimmer_.RunPeriod();
  EXPECT_EQ(pool_.idle_bytes(), kGibibyte / 2) << "calls have the rest in the heap";
  heap_bytes_ = 0;
  use(kGibibyte);
  for (int i = 0; i < 3; ++i) {  // One of them sees that it was used, the next two that it was not.
    Trim();
    use(1000);
  }
  EXPECT_LE(pool_.idle_bytes(), size_t{1} << 20) << "long ago";
}

TEST(MemoryTrimmerThreadTest, RunsEveryPeriod) {
  BufferPool pool(1 << 20);
  absl::Notification trimmed;
  const MemoryTrimmer trimmer(pool,
                              {[] { return size_t{0}; }, [] { return size_t{0}; },
                               [&trimmed](size_t kept) {
                                 if (kept == 0 && !trimmed.HasBeenNotified()) trimmed.Notify();
                               }},
                              kGibibyte, absl::Milliseconds(1));
  trimmed.WaitForNotification();
}

}  // namespace
}  // namespace lossd
