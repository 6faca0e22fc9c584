// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/http2/frames.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd::testing {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

template <size_t N>
std::string Bytes(const char (&literal)[N]) {
  return std::string(literal, N - 1);
}

TEST(FramesTest, FrameHasLengthTypeFlagsAndStreamInFront) {
  EXPECT_EQ(ToBytes({7, 5, 0x01020304, "ab"}), Bytes("\0\0\2\7\5\1\2\3\4ab"));
}

TEST(FramesTest, ConnectionBeginsWithPrefaceAndTheWindowAsASetting) {
  EXPECT_EQ(ConnectionPreface(0x01020304),
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Bytes("\0\0\6\4\0\0\0\0\0\0\4\1\2\3\4"));
}

TEST(FramesTest, HeadersAreLiteralsWithLengthsAndEndTheBlock) {
  const std::string plain = HeadersOf(3, {});
  EXPECT_THAT(plain.substr(3), StartsWith(Bytes("\1\4\0\0\0\3\0\7:method\4POST")));
  EXPECT_THAT(plain, HasSubstr(Bytes("\0\5:path\35/lossd.v1.LossService/Compute")));
  EXPECT_THAT(HeadersOf(3, {.encoding = "gzip"}), EndsWith(Bytes("\0\15grpc-encoding\4gzip")));
}

TEST(FramesTest, DataEndsTheStreamOnlyIfItIsTheLast) {
  EXPECT_EQ(DataOf(1, "x"), Bytes("\0\0\1\0\0\0\0\0\1x"));
  EXPECT_EQ(DataOf(1, "x", /*last=*/true), Bytes("\0\0\1\0\1\0\0\0\1x"));
}

TEST(FramesTest, ReaderGivesWholeFramesHoweverTheyAreCut) {
  const std::string bytes = DataOf(1, "one") + DataOf(3, "", true) + ResetOf(5);
  for (size_t cut = 1; cut < bytes.size(); ++cut) {
    FrameReader reader;
    std::vector<Frame> frames;
    for (size_t at = 0; at < bytes.size(); at += cut) {
      reader.Append(bytes.substr(at, cut));
      while (auto frame = reader.Next()) frames.push_back(*std::move(frame));
    }
    ASSERT_EQ(frames.size(), 3u);
    EXPECT_EQ(ToBytes(frames[0]) + ToBytes(frames[1]) + ToBytes(frames[2]), bytes);
  }
}

TEST(FramesTest, ResetAndPrefixAreAsTheProtocolsSay) {
  EXPECT_EQ(ResetOf(5), Bytes("\0\0\4\3\0\0\0\0\5\0\0\0\10"));
  EXPECT_EQ(MessagePrefix(258), Bytes("\0\0\0\1\2"));
  EXPECT_EQ(MessagePrefix(1, /*compressed=*/true), Bytes("\1\0\0\0\1"));
}

}  // namespace
}  // namespace lossd::testing
