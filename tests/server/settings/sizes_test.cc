// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/settings/sizes.h"

#include <limits>

#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(SizesTest, BytesMayHaveAUnit) {
  EXPECT_EQ(ParseBytes("268435456"), 268435456);
  EXPECT_EQ(ParseBytes("256MiB"), 268435456);
  EXPECT_EQ(ParseBytes("256 mib"), 268435456);
  EXPECT_EQ(ParseBytes("2GB"), 2'000'000'000);
  EXPECT_EQ(ParseBytes("1KiB"), 1024);
  EXPECT_EQ(ParseBytes("7B"), 7);
  EXPECT_EQ(ParseBytes("-5"), -5);
  EXPECT_EQ(ParseBytes("0"), 0);
}

TEST(SizesTest, WhatIsNoSizeIsNone) {
  for (const char* text : {"", "MiB", "x", "1.5GiB", "256Mi", "1e9", "--1", "1-", "12 34", "0x10", "inf",
                           "9223372036854775808", "8388608TiB", "-9000000TiB"}) {
    EXPECT_EQ(ParseBytes(text), std::nullopt) << text;
  }
}

TEST(SizesTest, TextIsReadAsTheSameNumber) {
  EXPECT_EQ(BytesText(268435456), "256MiB");
  EXPECT_EQ(BytesText(1000), "1000");
  EXPECT_EQ(BytesText(0), "0");
  for (const int64_t bytes : {int64_t{1}, int64_t{1024}, int64_t{3} << 30, int64_t{5} << 40, int64_t{-2048},
                              (int64_t{1} << 31) - 1, std::numeric_limits<int64_t>::max()}) {
    EXPECT_EQ(ParseBytes(BytesText(bytes)), bytes);
  }
}

}  // namespace
}  // namespace lossd
