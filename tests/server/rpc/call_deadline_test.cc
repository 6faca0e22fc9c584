// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/call_deadline.h"

#include <limits>

#include "gtest/gtest.h"

namespace lossd {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'790'000'000);

gpr_timespec At(int64_t seconds, int32_t nanos = 0) { return {seconds, nanos, GPR_CLOCK_REALTIME}; }

TEST(CallDeadlineTest, NearOnesAreTakenToTheNanosecond) {
  EXPECT_EQ(DeadlineOf(At(1'790'000'003, 5), kNow), kNow + absl::Seconds(3) + absl::Nanoseconds(5));
  EXPECT_EQ(DeadlineOf(At(1'789'999'999), kNow), kNow - absl::Seconds(1));
  EXPECT_EQ(DeadlineOf(At(1'790'000'000 + 86400 * 364), kNow), kNow + absl::Hours(24 * 364));
}

TEST(CallDeadlineTest, FarOnesAreNone) {
  EXPECT_EQ(DeadlineOf(gpr_inf_future(GPR_CLOCK_REALTIME), kNow), absl::InfiniteFuture());
  EXPECT_EQ(DeadlineOf(gpr_inf_future(GPR_CLOCK_MONOTONIC), kNow), absl::InfiniteFuture());
  for (const int64_t hours : {int64_t{2562047}, int64_t{99'999'999}}) {
    EXPECT_EQ(DeadlineOf(At(1'790'000'000 + 3600 * hours), kNow), absl::InfiniteFuture()) << hours;
  }
  EXPECT_EQ(DeadlineOf(At(std::numeric_limits<int64_t>::max() - 1), kNow), absl::InfiniteFuture());
  const gpr_timespec monotonic = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_hours(2562047, GPR_TIMESPAN));
  EXPECT_EQ(DeadlineOf(monotonic, absl::FromUnixSeconds(gpr_now(GPR_CLOCK_REALTIME).tv_sec)), absl::InfiniteFuture());
}

}  // namespace
}  // namespace lossd
