// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/message_limit.h"

#include "gtest/gtest.h"

namespace lossd::client {
namespace {

TEST(MessageLimitTest, IsTheServersOnceItHasSaidSo) {
  MessageLimit limit{ClientOptions()};
  EXPECT_EQ(limit.bytes(), kDefaultMaxMessageBytes);
  limit.Learn(0);
  EXPECT_EQ(limit.bytes(), kDefaultMaxMessageBytes);
  limit.Learn(1000);
  EXPECT_EQ(limit.bytes(), 1000);
  limit.Learn(int64_t{1} << 30);  // After a restart with other flags.
  EXPECT_EQ(limit.bytes(), int64_t{1} << 30);
}

TEST(MessageLimitTest, AnOptionWins) {
  ClientOptions options;
  options.max_message_bytes = 2000;
  MessageLimit limit(options);
  limit.Learn(1000);
  EXPECT_EQ(limit.bytes(), 2000);
}

}  // namespace
}  // namespace lossd::client
