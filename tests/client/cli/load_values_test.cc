// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/load_values.h"

#include "client/cli/subcommand.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd::cli {
namespace {

using ::testing::ElementsAre;

TEST(LoadValuesTest, SharesArePercentagesOrNumbers) {
  ASSERT_OK_AND_ASSIGN(const double percent, ParseShare("--x", "0.1%"));
  EXPECT_DOUBLE_EQ(percent, 0.001);
  ASSERT_OK_AND_ASSIGN(const double number, ParseShare("--x", "0.25"));
  EXPECT_DOUBLE_EQ(number, 0.25);
  for (const char* text : {"", "%", "-1%", "nan", "inf", "ten"}) {
    EXPECT_TRUE(IsUsageError(ParseShare("--x", text).status())) << text;
  }
}

std::vector<double> Loads(const std::string& text, bool whole = true) {
  const auto sweep = ParseSweep("--x", text);
  EXPECT_OK(sweep.status()) << text;
  return LoadsOf(*sweep, whole);
}

TEST(LoadValuesTest, SweepsMeasureBothEnds) {
  EXPECT_THAT(Loads("1:48"), ElementsAre(1, 2, 4, 8, 16, 32, 48));
  EXPECT_THAT(Loads("1:64"), ElementsAre(1, 2, 4, 8, 16, 32, 64));
  EXPECT_THAT(Loads("16"), ElementsAre(16));
  EXPECT_THAT(Loads("3:3"), ElementsAre(3));
}

TEST(LoadValuesTest, SweepsMultiplyOrAdd) {
  EXPECT_THAT(Loads("1:64:*4"), ElementsAre(1, 4, 16, 64));
  EXPECT_THAT(Loads("1:20:8"), ElementsAre(1, 9, 17, 20));
  EXPECT_THAT(Loads("1:4:*1.5"), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(Loads("2.5:10:2.5", false), ElementsAre(2.5, 5, 7.5, 10));
}

TEST(LoadValuesTest, SweepsWithoutAStepMayFall) {
  ASSERT_OK_AND_ASSIGN(const Sweep falling, ParseSweep("--x", "9:3"));
  EXPECT_EQ(falling.from, 9);
  EXPECT_EQ(falling.to, 3);
  EXPECT_FALSE(falling.step.has_value());
}

TEST(LoadValuesTest, NonsensicalSweepsAreUsageErrors) {
  for (const char* text : {"", ":", "1:", "0", "-1:4", "1:2:3:4", "1:8:", "1:8:0", "1:8:*1", "9:3:2", "1:1e9:1"}) {
    EXPECT_TRUE(IsUsageError(ParseSweep("--x", text).status())) << text;
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

TEST(LoadValuesTest, ShapesAreExtentsBetweenCommas) {
  EXPECT_EQ(*ParseShape("--x", "16,64,7"), (Shape{16, 64, 7}));
  for (const char* text : {"", "4x4", "4,", "4,,4", "4.5", "99999999999999999999"}) {
    EXPECT_TRUE(IsUsageError(ParseShape("--x", text).status())) << text;
  }
}

TEST(LoadValuesTest, HeadersAreWhatGrpcCanSend) {
  EXPECT_EQ(*ParseHeader("--header", "x-tenant: a b:c"), std::pair(std::string("x-tenant"), std::string("a b:c")));
  for (const char* text : {"x", ":x", "X:y", "grpc-timeout:1", "key-bin:x", "k y:x", "key:\n"}) {
    EXPECT_TRUE(IsUsageError(ParseHeader("--header", text).status())) << text;
  }
}

TEST(LoadValuesTest, WholeNumbersAreChecked) {
  EXPECT_EQ(CheckNotNegative("0"), "");
  EXPECT_EQ(CheckNotNegative("-1"), "expected a whole number of at least 0, got '-1'");
  EXPECT_EQ(CheckPositive("18446744073709551615"), "");
  EXPECT_EQ(CheckPositive("0"), "expected a whole number of at least 1, got '0'");
  EXPECT_NE(CheckPositive("1.5"), "");
}

}  // namespace
}  // namespace lossd::cli
