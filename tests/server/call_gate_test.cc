// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/call_gate.h"

#include "core/status/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::SimulatedClock;
using ::lossd::testing::StatusIs;
using ::testing::HasSubstr;

TEST(CallGateTest, ClosedGateSaysUnavailableWithAReasonAndADelay) {
  CallGate gate;
  ASSERT_OK(gate.Check());
  gate.StartDraining();
  const absl::Status status = gate.Enter();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable, HasSubstr("draining")));
  EXPECT_EQ(GetLimitViolation(status)->reason, RejectReason::kDraining);
  EXPECT_EQ(GetLimitViolation(status)->retry_delay, CallGate::kRetryDelay);
  EXPECT_THAT(gate.EnterStream(&gate, [] {}), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(gate.inside(), 0);
}

TEST(CallGateTest, IsEmptyOnceEveryoneHasLeft) {
  CallGate gate;
  SimulatedClock clock(absl::UnixEpoch());
  ASSERT_OK(gate.Enter());
  ASSERT_OK(gate.EnterStream(&clock, [] {}));
  EXPECT_EQ(gate.inside(), 2);
  EXPECT_FALSE(gate.AwaitEmpty(clock, absl::InfinitePast()));
  gate.Leave();
  gate.LeaveStream(&clock);
  EXPECT_TRUE(gate.AwaitEmpty(clock, absl::InfiniteFuture()));
}

TEST(CallGateTest, StreamsInsideAreToldOnceAndOthersAreNot) {
  CallGate gate;
  int told = 0;
  int left = 0;
  ASSERT_OK(gate.EnterStream(&told, [&] { ++told; }));
  ASSERT_OK(gate.EnterStream(&left, [&] { ++left; }));
  gate.LeaveStream(&left);
  gate.StartDraining();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(left, 0);
}

}  // namespace
}  // namespace lossd
