// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/channel.h"

#include <chrono>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd::client {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST(ServiceConfigTest, LetsGrpcOpenStreamsAgain) {
  ClientOptions options;
  options.max_attempts = 3;
  options.initial_backoff = absl::Milliseconds(250);
  EXPECT_EQ(ServiceConfig(options),
            R"({"loadBalancingConfig": [{"pick_first": {}}], )"
            R"("methodConfig": [{"name": [{"service": "lossd.v1.LossService", "method": "ComputeStream"}], )"
            R"("retryPolicy": {"maxAttempts": 3, "initialBackoff": "0.250s", "maxBackoff": "2.000s", )"
            R"("backoffMultiplier": 2.0, "retryableStatusCodes": ["UNAVAILABLE"]}}]})");
}

TEST(ServiceConfigTest, NoPatienceMeansNoRetries) {
  ClientOptions options;
  options.patience = absl::ZeroDuration();
  options.round_robin = true;
  EXPECT_THAT(ServiceConfig(options), Not(HasSubstr("retryPolicy")));
  EXPECT_THAT(ServiceConfig(options), HasSubstr("round_robin"));
}

TEST(MakeChannelsTest, MakesAsManyAsAsked) {
  ClientOptions options;
  options.channels = 3;
  options.keepalive_time = absl::InfiniteDuration();
  EXPECT_THAT(MakeChannels("localhost:1", options), SizeIs(3));
}

TEST(WhyNotConnectedTest, SaysWhatTheLastAttemptEndedWith) {
  const auto channel = MakeChannels("unix:/no/such/socket", ClientOptions())[0];
  EXPECT_EQ(WhyNotConnected(channel), "");  // None was made.
  grpc_connectivity_state state = channel->GetState(/*try_to_connect=*/true);
  while (state != GRPC_CHANNEL_TRANSIENT_FAILURE) {
    channel->WaitForStateChange(state, std::chrono::system_clock::time_point::max());
    state = channel->GetState(false);
  }
  EXPECT_THAT(WhyNotConnected(channel), AllOf(StartsWith(": "), HasSubstr("No such file or directory")));
}

}  // namespace
}  // namespace lossd::client
