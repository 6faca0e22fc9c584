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
  const absl::Status status = gate.Enter().status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable, HasSubstr("draining")));
  EXPECT_EQ(GetLimitViolation(status)->reason, RejectReason::kDraining);
  EXPECT_EQ(GetLimitViolation(status)->retry_delay, CallGate::kRetryDelay);
  EXPECT_THAT(gate.EnterStream(&gate, [] {}), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(gate.inside(), 0);
}

TEST(CallGateTest, IsEmptyOnceEveryoneHasLeft) {
  CallGate gate;
  SimulatedClock clock;
  {
    ASSERT_OK_AND_ASSIGN(const GatePass call, gate.Enter());
    ASSERT_OK_AND_ASSIGN(const GatePass stream, gate.EnterStream(&clock, [] {}));
    EXPECT_EQ(gate.inside(), 2);
    EXPECT_FALSE(gate.AwaitEmpty(clock, absl::InfinitePast()));
  }
  EXPECT_TRUE(gate.AwaitEmpty(clock, absl::InfiniteFuture()));
}

TEST(CallGateTest, PassIsGivenUpOnceHoweverItIsMoved) {
  CallGate gate;
  ASSERT_OK_AND_ASSIGN(GatePass first, gate.Enter());
  ASSERT_OK_AND_ASSIGN(GatePass second, gate.Enter());
  second = std::move(first);
  EXPECT_EQ(gate.inside(), 1);
  second.Leave();
  second.Leave();
  EXPECT_EQ(gate.inside(), 0);
}

TEST(CallGateTest, StreamsInsideAreToldOnceAndOthersAreNot) {
  CallGate gate;
  int told = 0;
  int left = 0;
  ASSERT_OK_AND_ASSIGN(const GatePass inside, gate.EnterStream(&told, [&] { ++told; }));
  ASSERT_OK_AND_ASSIGN(GatePass outside, gate.EnterStream(&left, [&] { ++left; }));
  outside.Leave();
  gate.StartDraining();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(left, 0);
}

}  // namespace
}  // namespace lossd
