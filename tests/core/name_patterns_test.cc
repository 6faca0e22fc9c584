// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/name_patterns.h"

#include <random>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

using ::testing::ElementsAre;

TEST(NamePatternsTest, NamesAndPrefixesChooseWhatMayBeChosen) {
  NamePatterns patterns({"x.10", "labels", "x.1", "x", "y"}, {true, false, true, true, true});
  EXPECT_TRUE(patterns.Choose("x.1").chooses);
  EXPECT_THAT(patterns.chosen(), ElementsAre(false, false, true, false, false));
  EXPECT_TRUE(patterns.Choose("x.*").chooses);
  EXPECT_THAT(patterns.chosen(), ElementsAre(true, false, true, false, false));
  EXPECT_FALSE(patterns.Choose("z*").chooses);
  EXPECT_FALSE(patterns.Choose("lab*").chooses);
  EXPECT_EQ(patterns.Choose("lab*").excluded, std::nullopt);
  EXPECT_EQ(patterns.Choose("labels").excluded, 1);
  EXPECT_TRUE(patterns.Choose("*").chooses);
  EXPECT_THAT(patterns.chosen(), ElementsAre(true, false, true, true, true));
}

// Against the plain double loop, over an alphabet of two letters so that much matches.
TEST(NamePatternsTest, AgreesWithTheDoubleLoop) {
  std::mt19937 random(1);
  const auto word = [&] {
    std::string text;
    for (auto n = random() % 5; n > 0; --n) text += random() % 2 == 0 ? 'a' : 'b';
    return text;
  };
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> names;
    std::vector<bool> choosable;
    for (int i = 0; i < 12; ++i) {
      const std::string name = word();
      if (std::find(names.begin(), names.end(), name) != names.end()) continue;
      names.push_back(name);
      choosable.push_back(random() % 4 != 0);
    }
    NamePatterns patterns({names.begin(), names.end()}, choosable);
    std::vector<bool> expected(names.size());
    for (int p = 0; p < 4; ++p) {
      const std::string pattern = word() + (random() % 2 == 0 ? "*" : "");
      absl::string_view prefix = pattern;
      const bool is_prefix = absl::ConsumeSuffix(&prefix, "*");
      bool chooses = false;
      for (size_t i = 0; i < names.size(); ++i) {
        if (!choosable[i] || !(is_prefix ? absl::StartsWith(names[i], prefix) : names[i] == prefix)) continue;
        expected[i] = chooses = true;
      }
      EXPECT_EQ(patterns.Choose(pattern).chooses, chooses) << pattern;
    }
    EXPECT_EQ(patterns.chosen(), expected) << "round " << round;
  }
}

}  // namespace
}  // namespace lossd
