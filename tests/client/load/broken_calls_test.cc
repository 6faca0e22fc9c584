// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/broken_calls.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd::load {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(BrokenCallsTest, BeginsACallAsHttp2Asks) {
  const std::string bytes = BeginningOfCall(1000, 10);
  EXPECT_THAT(bytes, StartsWith("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
  EXPECT_THAT(bytes, HasSubstr("/lossd.v1.LossService/Compute"));
  // DATA of stream 1, not ended: 5 bytes of gRPC's prefix (1000 to come), then as much as is sent.
  EXPECT_THAT(bytes, EndsWith(std::string("\0\0\17\0\0\0\0\0\1\0\0\0\3\350zzzzzzzzzz", 24)));
}

TEST(BrokenCallsTest, SaysAtOnceWhereItCannotConnect) {
  Chaos chaos(ChaosKind::kDisconnect, 1);
  EXPECT_THAT(BrokenCalls::Start("127.0.0.1:1", 100, &chaos).status(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("127.0.0.1:1")));
}

TEST(BrokenCallsTest, NeverSendsMoreThanAFrame) {
  EXPECT_LT(BeginningOfCall(int64_t{1} << 30, int64_t{1} << 30).size(), 16384u);
}

}  // namespace
}  // namespace lossd::load
