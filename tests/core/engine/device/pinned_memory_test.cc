// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/device/pinned_memory.h"

#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "core/tensor/buffer_pool.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A device that pins one piece of memory, and takes it back.
class PinnedMemoryTest : public ::testing::Test {
 protected:
  PinnedMemory memory_{[this](size_t) { return std::exchange(left_, nullptr); },
                       [this](std::byte* memory) { unpinned_.push_back(memory); }};
  alignas(kBufferAlignment) std::byte pinned_[100];
  std::byte* left_ = pinned_;
  std::vector<std::byte*> unpinned_;
};

TEST_F(PinnedMemoryTest, IsTheDevicesWhileItHasAny) {
  EXPECT_EQ(memory_.Allocate(100), pinned_);
  memory_.Free(pinned_, 100);
  EXPECT_THAT(unpinned_, ElementsAre(pinned_));
}

TEST_F(PinnedMemoryTest, IsTheSystemsWhereTheDevicePinsNoMore) {
  memory_.Allocate(100);
  std::byte* const pageable = memory_.Allocate(100);
  ASSERT_NE(pageable, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(pageable) % kBufferAlignment, 0u);
  std::memset(pageable, 1, 100);
  memory_.Free(pageable, 100);
  EXPECT_THAT(unpinned_, IsEmpty());  // Nor is it the device's to take back.
  memory_.Free(pinned_, 100);
  EXPECT_THAT(unpinned_, ElementsAre(pinned_));
}

}  // namespace
}  // namespace lossd
