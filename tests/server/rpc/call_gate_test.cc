// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/call_gate.h"

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
  const absl::Status status = gate.Enter("ipv4:127.0.0.1:1").status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable, HasSubstr("draining")));
  EXPECT_EQ(GetLimitViolation(status)->reason, RejectReason::kDraining);
  EXPECT_EQ(GetLimitViolation(status)->retry_delay, CallGate::kRetryDelay);
  EXPECT_THAT(gate.EnterStream("ipv4:127.0.0.1:1", &gate, [] {}), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(gate.inside(), 0);
}

TEST(CallGateTest, IsEmptyOnceEveryoneHasLeft) {
  CallGate gate;
  SimulatedClock clock;
  {
    ASSERT_OK_AND_ASSIGN(const GatePass call, gate.Enter("ipv4:127.0.0.1:1"));
    ASSERT_OK_AND_ASSIGN(const GatePass stream, gate.EnterStream("ipv4:127.0.0.1:1", &clock, [] {}));
    EXPECT_EQ(gate.inside(), 2);
    EXPECT_FALSE(gate.AwaitEmpty(clock, absl::InfinitePast()));
  }
  EXPECT_TRUE(gate.AwaitEmpty(clock, absl::InfiniteFuture()));
}

TEST(CallGateTest, PassIsGivenUpOnceHoweverItIsMoved) {
  CallGate gate;
  ASSERT_OK_AND_ASSIGN(GatePass first, gate.Enter("ipv4:127.0.0.1:1"));
  ASSERT_OK_AND_ASSIGN(GatePass second, gate.Enter("ipv4:127.0.0.1:1"));
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
  ASSERT_OK_AND_ASSIGN(const GatePass inside, gate.EnterStream("ipv4:127.0.0.1:1", &told, [&] { ++told; }));
  ASSERT_OK_AND_ASSIGN(GatePass outside, gate.EnterStream("ipv4:127.0.0.1:1", &left, [&] { ++left; }));
  outside.Leave();
  gate.StartDraining();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(left, 0);
}

TEST(CallGateTest, PeerMayHaveSoManyCallsInsideAndOthersHaveTheirOwn) {
  CallGate gate(/*max_calls_per_peer=*/2);
  ASSERT_OK_AND_ASSIGN(GatePass call, gate.Enter("ipv4:127.0.0.1:1"));
  ASSERT_OK_AND_ASSIGN(const GatePass stream, gate.EnterStream("ipv4:127.0.0.1:1", &call, [] {}));
  const absl::Status status = gate.Enter("ipv4:127.0.0.1:1").status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted,
                               HasSubstr("calls of a connection: expected at most 2 at a time, in use 2")));
  EXPECT_EQ(GetLimitViolation(status)->flag, "--max_concurrent_streams");
  EXPECT_EQ(GetLimitViolation(status)->retry_delay, CallGate::kRetryDelay);
  EXPECT_OK(gate.Enter("ipv4:127.0.0.1:2"));
  call.Leave();
  EXPECT_OK(gate.Enter("ipv4:127.0.0.1:1"));
}

TEST(CallGateTest, MessagesOfStreamsTakePlacesOfUnaryCallsButNotOfStreams) {
  CallGate gate(/*max_calls_per_peer=*/2);
  const std::string peer = "ipv4:127.0.0.1:1";
  ASSERT_OK_AND_ASSIGN(GatePass first, gate.EnterStream(peer, &gate, [] {}));
  ASSERT_OK_AND_ASSIGN(const GatePass message, gate.EnterMessage(first));
  ASSERT_OK_AND_ASSIGN(GatePass call, gate.Enter(peer));
  const absl::Status status = gate.EnterMessage(first).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("expected at most 2 at a time")));
  EXPECT_EQ(GetLimitViolation(status)->flag, "--max_concurrent_streams");
  call.Leave();
  ASSERT_OK_AND_ASSIGN(const GatePass second, gate.EnterStream(peer, &peer, [] {}));
  EXPECT_OK(gate.EnterMessage(second));
  EXPECT_FALSE(gate.Enter(peer).ok());  // There are two streams.
  EXPECT_EQ(gate.inside(), 2);
}

TEST(CallGateTest, CallFindsNoRoomAmongMessages) {
  CallGate gate(/*max_calls_per_peer=*/2);
  const std::string peer = "ipv4:127.0.0.1:1";
  ASSERT_OK_AND_ASSIGN(GatePass stream, gate.EnterStream(peer, &gate, [] {}));
  ASSERT_OK_AND_ASSIGN(GatePass first, gate.EnterMessage(stream));
  ASSERT_OK_AND_ASSIGN(GatePass second, gate.EnterMessage(stream));
  EXPECT_FALSE(gate.Enter(peer).ok());
  stream.Leave();
  first.Leave();
  EXPECT_OK(gate.Enter(peer));
}

TEST(CallGateTest, DrainingGateLetsInNoMessages) {
  CallGate gate;
  ASSERT_OK_AND_ASSIGN(const GatePass stream, gate.EnterStream("unix:", &gate, [] {}));
  EXPECT_OK(gate.EnterMessage(stream));
  gate.StartDraining();
  EXPECT_THAT(gate.EnterMessage(stream), StatusIs(absl::StatusCode::kUnavailable));
}

TEST(CallGateTest, UnixConnectionsAreNotCounted) {
  CallGate gate(/*max_calls_per_peer=*/1);
  ASSERT_OK_AND_ASSIGN(const GatePass first, gate.Enter("unix:"));
  EXPECT_OK(gate.Enter("unix:"));
}

}  // namespace
}  // namespace lossd
