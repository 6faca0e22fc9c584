// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/http2_frames.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd::load {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

template <size_t N>
std::string Bytes(const char (&literal)[N]) {
  return std::string(literal, N - 1);
}

TEST(Http2FramesTest, FrameHasLengthTypeFlagsAndStreamInFront) {
  EXPECT_EQ(Http2Frame(7, 5, 0x01020304, "ab"), Bytes("\0\0\2\7\5\1\2\3\4ab"));
}

TEST(Http2FramesTest, ConnectionBeginsWithPrefaceAndTheWindowAsASetting) {
  EXPECT_EQ(ConnectionPreface(0x01020304),
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Bytes("\0\0\6\4\0\0\0\0\0\0\4\1\2\3\4"));
}

TEST(Http2FramesTest, HeadersAreLiteralsWithLengthsAndEndTheBlock) {
  const std::string plain = ComputeHeaders(3);
  EXPECT_THAT(plain.substr(3), StartsWith(Bytes("\1\4\0\0\0\3\0\7:method\4POST")));
  EXPECT_THAT(plain, HasSubstr(Bytes("\0\5:path\35/lossd.v1.LossService/Compute")));
  EXPECT_THAT(ComputeHeaders(3, "gzip"), EndsWith(Bytes("\0\15grpc-encoding\4gzip")));
}

TEST(Http2FramesTest, DataEndsTheStreamOnlyIfItIsTheLast) {
  EXPECT_EQ(DataFrame(1, "x"), Bytes("\0\0\1\0\0\0\0\0\1x"));
  EXPECT_EQ(DataFrame(1, "x", /*last=*/true), Bytes("\0\0\1\0\1\0\0\0\1x"));
}

TEST(Http2FramesTest, ResetAndPrefixAreAsTheProtocolsSay) {
  EXPECT_EQ(ResetFrame(5), Bytes("\0\0\4\3\0\0\0\0\5\0\0\0\10"));
  EXPECT_EQ(MessagePrefix(258), Bytes("\0\0\0\1\2"));
  EXPECT_EQ(MessagePrefix(1, /*compressed=*/true), Bytes("\1\0\0\0\1"));
}

}  // namespace
}  // namespace lossd::load
