// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/settings/flag_table.h"

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

TEST(FlagTableTest, NamesAreUniqueAndFound) {
  const std::vector<std::string> names = FlagNames();
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
  for (const std::string& name : names) EXPECT_EQ(FindFlag(name)->name, name);
  EXPECT_EQ(FindFlag("bogus"), nullptr);
}

TEST(FlagTableTest, EveryDefaultIsReadBackAndAllowed) {
  const ServerOptions defaults;
  for (const std::string& name : FlagNames()) {
    const Flag& flag = *FindFlag(name);
    if (IsSwitch(flag)) continue;
    CommandLine line;
    EXPECT_OK(SetFlag(flag, FlagText(flag, defaults), line));
    EXPECT_EQ(FlagText(flag, line.options), FlagText(flag, defaults)) << name;
    EXPECT_OK(CheckFlag(flag, defaults));
  }
}

TEST(FlagTableTest, EveryFlagHasASettingOfItsOwn) {
  for (const std::string& name : FlagNames()) {
    const Flag& flag = *FindFlag(name);
    if (IsSwitch(flag)) continue;
    CommandLine line;
    const std::string other = std::holds_alternative<DurationFlag>(flag.kind) ? "7s" : "7";
    ASSERT_OK(SetFlag(flag, other, line));
    for (const std::string& another : FlagNames()) {
      const bool changed = FlagText(*FindFlag(another), line.options) != FlagText(*FindFlag(another), ServerOptions());
      EXPECT_EQ(changed, another == name) << name << " changes " << another;
    }
  }
}

}  // namespace
}  // namespace lossd
