// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/load_values.h"

#include "client/cli/subcommand.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd::cli {
namespace {

using ::testing::Pair;

TEST(LoadValuesTest, SharesArePercentagesOrNumbers) {
  ASSERT_OK_AND_ASSIGN(const double percent, ParseShare("--x", "0.1%"));
  EXPECT_DOUBLE_EQ(percent, 0.001);
  ASSERT_OK_AND_ASSIGN(const double number, ParseShare("--x", "0.25"));
  EXPECT_DOUBLE_EQ(number, 0.25);
  for (const char* text : {"", "%", "-1%", "nan", "inf", "ten"}) {
    EXPECT_TRUE(IsUsageError(ParseShare("--x", text).status())) << text;
  }
}

TEST(LoadValuesTest, RangesHaveOneNumberOrTwo) {
  ASSERT_OK_AND_ASSIGN(const auto range, ParseRange("--x", "1:64", true));
  EXPECT_THAT(range, Pair(1, 64));
  ASSERT_OK_AND_ASSIGN(const auto one, ParseRange("--x", "2.5", true));
  EXPECT_THAT(one, Pair(2.5, 2.5));
  ASSERT_OK_AND_ASSIGN(const auto falling, ParseRange("--x", "9:3", false));
  EXPECT_THAT(falling, Pair(9, 3));
  for (const char* text : {"", ":", "1:", "1:2:3", "0", "-1:4", "9:3"}) {
    EXPECT_TRUE(IsUsageError(ParseRange("--x", text, true).status())) << text;
  }
}

TEST(LoadValuesTest, LengthsAreDurationsThatAreNotNegative) {
  ASSERT_OK_AND_ASSIGN(const absl::Duration length, ParseLength("--x", "1m30s"));
  EXPECT_EQ(length, absl::Seconds(90));
  for (const char* text : {"", "5", "-1s", "inf"}) {
    EXPECT_TRUE(IsUsageError(ParseLength("--x", text).status())) << text;
  }
}

TEST(LoadValuesTest, ElementTypesAreNamedInAnyCase) {
  ASSERT_OK_AND_ASSIGN(const DType dtype, ParseElementType("--x", "bFloat16"));
  EXPECT_EQ(dtype, DType::kBFloat16);
  EXPECT_TRUE(IsUsageError(ParseElementType("--x", "complex").status()));
}

}  // namespace
}  // namespace lossd::cli
