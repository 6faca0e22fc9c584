// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/device/launch_counts.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

using ::testing::Optional;

TEST(LaunchCountsTest, OneBatchOfAKeyInSixtyFourIsCounted) {
  LaunchCounts counts;
  for (const int64_t count : {20, 21}) {
    EXPECT_EQ(counts.Known("maps"), std::nullopt);
    counts.Set("maps", count);
    for (int i = 1; i < LaunchCounts::kPeriod; ++i) EXPECT_THAT(counts.Known("maps"), Optional(count));
  }
  EXPECT_EQ(counts.Known("maps"), std::nullopt);
  EXPECT_EQ(counts.Known("rows"), std::nullopt);
}

TEST(LaunchCountsTest, KeysWithoutEndTakeNoMemoryWithoutEnd) {
  LaunchCounts counts;
  for (int i = 0; i < 1024; ++i) counts.Set(absl::StrCat(i), i);
  EXPECT_THAT(counts.Known("0"), Optional(0));
  counts.Set("1", 5);  // There already.
  EXPECT_THAT(counts.Known("0"), Optional(0));
  counts.Set("one more", 7);
  EXPECT_EQ(counts.Known("0"), std::nullopt);
  EXPECT_THAT(counts.Known("one more"), Optional(7));
}

}  // namespace
}  // namespace lossd
