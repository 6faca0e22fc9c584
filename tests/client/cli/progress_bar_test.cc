// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/progress_bar.h"

#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

TEST(ProgressBarTest, DrawsOverItsLineAndWipesIt) {
  std::ostringstream out;
  {
    ProgressBar bar(4, &out);
    bar.Show(0, "a long label");
    EXPECT_THAT(out.str(), HasSubstr("] 0/4 a long label"));
    bar.Show(2, "b");
    EXPECT_THAT(out.str(), HasSubstr("\r[###############...............] 2/4 b           "));
  }
  EXPECT_THAT(out.str(), EndsWith(" \r"));
}

TEST(ProgressBarTest, DrawsNothingWhereThereIsNoTerminal) {
  ProgressBar bar(4, nullptr);
  bar.Show(1, "x");
}

TEST(ProgressBarTest, SurvivesATotalOfNothing) {
  std::ostringstream out;
  ProgressBar bar(0, &out);
  bar.Show(0, "x");
  EXPECT_THAT(out.str(), HasSubstr("0/0"));
}

}  // namespace
}  // namespace lossd::cli
