// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/http2/random_traffic.h"

#include <set>
#include <string>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/http2/frames.h"

namespace lossd::testing {
namespace {

TEST(RandomTrafficTest, IsTheSameForTheSameSeed) {
  RandomTraffic first(7, {"message"}), second(7, {"message"}), other(8, {"message"});
  EXPECT_EQ(first.Connection(), second.Connection());
  EXPECT_EQ(first.Connection(), second.Connection());
  EXPECT_NE(first.Connection(), other.Connection());
}

TEST(RandomTrafficTest, HasFramesOfEveryTypeAndGoodMessagesWhole) {
  constexpr char kMessage[] = "a message that nothing was done to";
  RandomTraffic traffic(1, {kMessage});
  const size_t preface = ConnectionPreface().find("SM\r\n\r\n") + 6;
  std::set<uint8_t> types;
  int whole = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string bytes = traffic.Connection();
    whole += absl::StrContains(bytes, kMessage) ? 1 : 0;
    if (bytes.size() < preface) continue;
    FrameReader reader;
    reader.Append(absl::string_view(bytes).substr(preface));
    while (const auto frame = reader.Next()) types.insert(frame->type);
  }
  EXPECT_THAT(types, ::testing::IsSupersetOf({0, 1, 2, 3, 4, 6, 7, 8, 9}));
  EXPECT_GT(whole, 100);
}

TEST(RandomTrafficTest, IsBounded) {
  RandomTraffic traffic(2, {std::string(1'000, 'x')});
  for (int i = 0; i < 500; ++i) EXPECT_LT(traffic.Connection().size(), 1'000'000u);
}

}  // namespace
}  // namespace lossd::testing
