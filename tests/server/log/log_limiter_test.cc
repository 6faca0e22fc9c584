// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/log/log_limiter.h"

#include "gtest/gtest.h"

namespace lossd {
namespace {

const absl::Time kStart = absl::UnixEpoch();

TEST(LogLimiterTest, LetsABurstThroughThenOneAPeriod) {
  LogLimiter limiter(3, absl::Seconds(1));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limiter.Admit(kStart), 0);
  EXPECT_EQ(limiter.Admit(kStart), std::nullopt);
  EXPECT_EQ(limiter.Admit(kStart + absl::Milliseconds(999)), std::nullopt);
  EXPECT_EQ(limiter.Admit(kStart + absl::Seconds(1)), 2);
  EXPECT_EQ(limiter.Admit(kStart + absl::Seconds(1)), std::nullopt);
}

TEST(LogLimiterTest, QuietTimeEarnsABurstAndNoMore) {
  LogLimiter limiter(2, absl::Seconds(1));
  EXPECT_EQ(limiter.Admit(kStart), 0);
  const absl::Time later = kStart + absl::Hours(1);
  EXPECT_EQ(limiter.Admit(later), 0);
  EXPECT_EQ(limiter.Admit(later), 0);
  EXPECT_EQ(limiter.Admit(later), std::nullopt);
}

}  // namespace
}  // namespace lossd
