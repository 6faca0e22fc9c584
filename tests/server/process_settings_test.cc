// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process_settings.h"

#include <malloc.h>

#include <cstdlib>

#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(ProcessSettingsTest, BlocksOfALargeMessageAreNotMappedOneByOne) {
  ApplyProcessSettings();
  const size_t mapped = mallinfo2().hblks;
  void* const block = std::malloc(size_t{16} << 20);
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(mallinfo2().hblks, mapped);
  std::free(block);
}

}  // namespace
}  // namespace lossd
