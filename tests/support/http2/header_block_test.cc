// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/http2/header_block.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;
using ::testing::Pair;

template <size_t N>
std::string Bytes(const char (&literal)[N]) {
  return std::string(literal, N - 1);
}

TEST(HeaderBlockTest, IntegersAreAsInTheStandardsExamples) {
  EXPECT_EQ(EncodeInteger(10, 5, 0), "\x0a");
  EXPECT_EQ(EncodeInteger(1337, 5, 0), "\x1f\x9a\x0a");
  EXPECT_EQ(EncodeInteger(42, 8, 0), "\x2a");
}

TEST(HeaderBlockTest, ReadsWhatItWrites) {
  const HeaderList headers = {{":path", "/a"}, {"empty", ""}, {"long", std::string(1000, 'x')}};
  EXPECT_THAT(HeaderDecoder().Decode(EncodeHeaders(headers)), Optional(headers));
}

TEST(HeaderBlockTest, RemembersWhatIsToBeKept) {
  HeaderDecoder decoder;
  EXPECT_THAT(decoder.Decode(Bytes("\x88\x40\x0bgrpc-status\x01"
                                   "5")),
              Optional(ElementsAre(Pair(":status", "200"), Pair("grpc-status", "5"))));
  EXPECT_THAT(decoder.Decode("\x40\x01"
                             "a\x01"
                             "b"),
              Optional(ElementsAre(Pair("a", "b"))));
  EXPECT_THAT(decoder.Decode("\xbf\xbe"), Optional(ElementsAre(Pair("grpc-status", "5"), Pair("a", "b"))));
  EXPECT_THAT(decoder.Decode(Bytes("\x7f\x00\x01") + "7"), Optional(ElementsAre(Pair("grpc-status", "7"))))
      << "A kept name with another value.";
}

TEST(HeaderBlockTest, MalformedBlocksAreNone) {
  for (const std::string& block : {Bytes("\x80"), Bytes("\xff"), Bytes("\xc0"), Bytes("\0\5abc"), Bytes("\0\1a")}) {
    EXPECT_EQ(HeaderDecoder().Decode(block), std::nullopt);
  }
}

}  // namespace
}  // namespace lossd::testing
