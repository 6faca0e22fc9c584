// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/command_texts.h"

#include <CLI/App.hpp>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST(DescribeCommandsTest, TellsNamesValuesGroupsAndDefaults) {
  CLI::App app("Does things.", "tool");
  CLI::App* const run = app.add_subcommand("run", "Run");
  int count = 3;
  bool fast = false;
  std::vector<std::string> files;
  run->add_option("files", files, "What to run");
  run->add_option("-c,--count,--number", count, "How often")->capture_default_str()->group("Counting");
  run->add_flag("--fast", fast, "Faster");
  const std::vector<CommandText> commands = DescribeCommands(app);
  ASSERT_THAT(commands, SizeIs(2));
  EXPECT_EQ(commands[0].name, "tool");
  EXPECT_EQ(commands[1].description, "Run");
  EXPECT_EQ(commands[1].operands, "What to run");
  ASSERT_THAT(commands[1].flags, SizeIs(3));  // --help first.
  const FlagText& flag = commands[1].flags[1];
  EXPECT_THAT(flag.names, ElementsAre("-c", "--count", "--number"));
  EXPECT_EQ(flag.value, "INT");
  EXPECT_EQ(flag.group, "Counting");
  EXPECT_EQ(flag.fallback, "3");
  EXPECT_EQ(commands[1].flags[2].value, "");
}

}  // namespace
}  // namespace lossd::cli
