// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/text_table.h"

#include <limits>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace lossd::cli {
namespace {

TEST(TextTableTest, AlignsColumnsWithoutTrailingBlanks) {
  TextTable table({"name", "value"});
  table.AddRow({"a", "1"});
  table.AddRow({"longer", ""});
  std::ostringstream out;
  table.Print(out);
  EXPECT_EQ(out.str(), "name    value\n------  -----\na       1\nlonger\n");
}

TEST(TextTableTest, RulesColumnsAsWideAsTheyAre) {
  TextTable table({std::string(50, 'n')});
  std::ostringstream out;
  table.Print(out);
  EXPECT_EQ(out.str(), absl::StrCat(std::string(50, 'n'), "\n", std::string(50, '-'), "\n"));
}

TEST(NumberTextTest, HasSixSignificantDigits) {
  EXPECT_EQ(NumberText(0.1234567), "0.123457");
  EXPECT_EQ(NumberText(1e14), "1e+14");
  EXPECT_EQ(NumberText(std::numeric_limits<double>::infinity()), "inf");
}

}  // namespace
}  // namespace lossd::cli
