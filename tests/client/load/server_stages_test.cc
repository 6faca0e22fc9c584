// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/server_stages.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cpp/fake_loss_service.h"
#include "tests/support/status_matchers.h"

namespace lossd::load {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(ServerStagesTest, ReadsSumsAndCountsOfStages) {
  const StageSums stages = ParseStages(
      "# HELP lossd_stage_seconds Time\n"
      "# TYPE lossd_stage_seconds histogram\n"
      "lossd_stage_seconds_count{stage=\"decode\"} 4\n"
      "lossd_stage_seconds_sum{stage=\"decode\"} 0.5\n"
      "lossd_stage_seconds_bucket{stage=\"decode\",le=\"0.1\"} 3\n"
      "lossd_stage_seconds_count{device=\"cuda:0\",stage=\"queue\"} 1\n"
      "lossd_stage_seconds_sum{device=\"cuda:0\",stage=\"queue\"} 1e-3\n"
      "lossd_stage_seconds_count{device=\"cuda:1\",stage=\"queue\"} 2\n"
      "lossd_stage_seconds_sum{device=\"cuda:1\",stage=\"queue\"} 3e-3\n"
      "lossd_inflight_bytes 7\n");
  ASSERT_EQ(stages.size(), 2u);
  EXPECT_EQ(stages.at("decode").seconds, 0.5);
  EXPECT_EQ(stages.at("decode").count, 4);
  EXPECT_EQ(stages.at("queue").seconds, 0.004);
  EXPECT_EQ(stages.at("queue").count, 3);
}

TEST(ServerStagesTest, MetricsOfLossdBeginALine) {
  EXPECT_TRUE(HasMetricsOfLossd("lossd_inflight_bytes 7\n"));
  EXPECT_TRUE(HasMetricsOfLossd("# HELP lossd_inflight_bytes B\nlossd_inflight_bytes 7\n"));
  EXPECT_FALSE(HasMetricsOfLossd("up{job=\"lossd_\"} 1\n# HELP lossd_inflight_bytes B\n"));
  EXPECT_FALSE(HasMetricsOfLossd(""));
}

TEST(ServerStagesTest, MeansAreOfWhatPassedBetweenTheReadings) {
  const StageSums before = {{"decode", {1, 10}}, {"queue", {1, 10}}};
  const StageSums after = {{"compute", {3, 3}}, {"decode", {2, 14}}, {"queue", {1, 10}}};
  EXPECT_THAT(MeanStages(before, after),
              ElementsAre(Pair("compute", absl::Seconds(1)), Pair("decode", absl::Milliseconds(250))));
}

TEST(ServerStagesTest, AddressesHaveAPortAndAPath) {
  EXPECT_EQ(*MetricsUrl("http://host:9090"), "http://host:9090/metrics");
  EXPECT_EQ(*MetricsUrl("http://host:9090/"), "http://host:9090/metrics");
  EXPECT_EQ(*MetricsUrl("http://[::1]:9090/lossd/metrics"), "http://[::1]:9090/lossd/metrics");
  for (const char* url : {"host:9090", "https://host:9090", "http://host/metrics", "http://:9090", "http://host:x"}) {
    EXPECT_THAT(MetricsUrl(url), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(url)));
  }
}

// As a gRPC server answers HTTP/1.
TEST(ServerStagesTest, WhatIsNoHttpIsShownWithoutItsBytes) {
  client::FakeServer server;
  EXPECT_THAT(FetchText("http://" + server.target() + "/metrics").status(),
              StatusIs(absl::StatusCode::kUnavailable, AllOf(HasSubstr("got '"), HasSubstr("\\"))));
}

TEST(ServerStagesTest, FetchingNamesTheAddressThatFails) {
  EXPECT_THAT(FetchText("ftp://x"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("ftp://x")));
  EXPECT_THAT(FetchText("http://127.0.0.1:1/metrics"),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("127.0.0.1:1")));
}

}  // namespace
}  // namespace lossd::load
