// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/status/spelling.h"

#include "gtest/gtest.h"

namespace lossd {
namespace {

const std::vector<std::string>& Names() {
  static const auto* const names = new std::vector<std::string>{"listen", "max_message_bytes", "threads", "version"};
  return *names;
}

TEST(SpellingTest, SlipsOfTheFingerHaveANearestName) {
  EXPECT_EQ(NearestName("max_mesage_bytes", Names()), "max_message_bytes");
  EXPECT_EQ(NearestName("message_bytes", Names()), std::nullopt);  // Four of 13 letters are more than one in four.
  EXPECT_EQ(NearestName("max_message_byte", Names()), "max_message_bytes");
  EXPECT_EQ(NearestName("thread", Names()), "threads");
  EXPECT_EQ(NearestName("threads", Names()), "threads");
  EXPECT_EQ(NearestName("listne", Names()), "listen");
  EXPECT_EQ(NearestName("litsne", Names()), std::nullopt);  // Two swaps of six letters.
  EXPECT_EQ(NearestName("vertion", Names()), "version");
}

TEST(SpellingTest, OtherWordsHaveNone) {
  for (const char* word : {"", "l", "target", "debug"}) EXPECT_EQ(NearestName(word, Names()), std::nullopt) << word;
  EXPECT_EQ(NearestName(std::string(100000, 'x'), Names()), std::nullopt);
}

}  // namespace
}  // namespace lossd
