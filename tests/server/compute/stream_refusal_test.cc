// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What is told of streams that the server refuses, and what becomes of what they had begun.

#include <memory>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/running_server.h"
#include "tests/support/raw_call.h"

namespace lossd::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Rejected(const std::string& reason) { return "lossd_rejected_total{reason=\"" + reason + "\"}"; }

TEST(StreamRefusalTest, RefusedMessageGivesUpWhatWasTakenBeforeIt) {
  ServerOptions options = TestOptions();
  options.max_message_bytes = 1 << 20;
  RunningServer server(options);
  server.backend().Hold();
  {
    RawCall stream(server.channel(), "ComputeStream");
    ASSERT_TRUE(stream.Write(MakeRequest({1}, "first").SerializeAsString()));
    ASSERT_TRUE(stream.Write(MakeRequest({1}, "second").SerializeAsString()));
    server.backend().AwaitHeld(2);
    stream.Write(std::string(8 << 20, 'x'));
    EXPECT_EQ(stream.End().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    server.backend().AwaitHeld(0);
  }
  const std::string log = server.StopAndGetLog();
  EXPECT_EQ(server.Metric(Rejected("message_bytes")), 3) << "two messages and the one that was refused";
  EXPECT_EQ(server.Metric("lossd_dropped_total{reason=\"cancelled\"}"), 0) << "their client has cancelled nothing";
  EXPECT_EQ(server.Metric("lossd_stream_messages_total{grpc_code=\"RESOURCE_EXHAUSTED\"}"), 2);
  EXPECT_THAT(log, Not(HasSubstr("CANCELLED")));
}

TEST(StreamRefusalTest, StreamsBeyondTheNumberOfCallsAreCountedAndLoggedAsCallsAre) {
  ServerOptions options = TestOptions();
  options.max_concurrent_calls = 1;
  RunningServer server(options);
  {
    RawCall stream(server.channel(), "ComputeStream");
    ASSERT_TRUE(stream.Write(MakeRequest({1}, "taken").SerializeAsString()));
    ASSERT_TRUE(stream.Read().has_value());
    RawCall refused(server.channel(), "ComputeStream");
    EXPECT_EQ(refused.End().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    stream.HalfClose();
    EXPECT_TRUE(stream.End().ok());
  }
  const std::string log = server.StopAndGetLog();
  EXPECT_EQ(server.Metric(Rejected("concurrency")), 1);
  EXPECT_EQ(server.Metric("lossd_stream_messages_total{grpc_code=\"RESOURCE_EXHAUSTED\"}"), 0) << "it had none";
  EXPECT_THAT(log, HasSubstr("\"method\":\"ComputeStream\",\"code\":\"RESOURCE_EXHAUSTED\""));
}

// Nothing of it was refused.
TEST(StreamRefusalTest, IdleStreamThatDrainingEndsIsNoneThatWasRefused) {
  RunningServer server;
  RawCall stream(server.channel(), "ComputeStream");
  ASSERT_TRUE(stream.Write(MakeRequest({1}, "answered").SerializeAsString()));
  ASSERT_TRUE(stream.Read().has_value());
  std::thread shutdown([&] { EXPECT_TRUE(server.server().Shutdown()); });
  EXPECT_EQ(stream.End().error_code(), grpc::StatusCode::UNAVAILABLE);
  shutdown.join();
  server.Stop();
  EXPECT_EQ(server.Metric(Rejected("draining")), 0);
}

}  // namespace
}  // namespace lossd::testing
