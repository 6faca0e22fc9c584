// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/ops/status_pages.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "server/settings/flag_table.h"

namespace lossd {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAreArray;

class StatusPagesTest : public ::testing::Test {
 protected:
  Metrics metrics_;
  HealthStates health_;
  const HttpServer::Pages pages_ = StatusPages(metrics_, health_, ServerOptions());
};

TEST_F(StatusPagesTest, ReadinessFollowsHealthAndLivenessDoesNot) {
  EXPECT_EQ(pages_("/readyz").status, 503);
  EXPECT_EQ(pages_("/healthz").status, 200);
  health_.SetReady(true);
  EXPECT_EQ(pages_("/readyz").status, 200);
}

TEST_F(StatusPagesTest, MetricsHaveTheTypeThatPrometheusWants) {
  const HttpPage page = pages_("/metrics");
  EXPECT_THAT(page.content_type, StartsWith("text/plain; version=0.0.4"));
  EXPECT_THAT(page.body, HasSubstr("lossd_build_info"));
}

TEST_F(StatusPagesTest, VersionAndConfigurationAreJson) {
  EXPECT_EQ(nlohmann::json::parse(pages_("/version").body)["version"], "0.1.0");
  const auto config = nlohmann::json::parse(pages_("/configz").body);
  EXPECT_EQ(config["max_message_bytes"], 268435456);
  EXPECT_EQ(config["listen"][0], "0.0.0.0:50051");
  EXPECT_EQ(config["shutdown_timeout"], "20s");
}

TEST_F(StatusPagesTest, ConfigurationHasEveryFlagOfAServer) {
  const auto config = nlohmann::json::parse(ConfigText(ServerOptions()));
  std::vector<std::string> flags;
  for (const FlagGroup& group : FlagGroups()) {
    for (const Flag& flag : group.flags) {
      if (!IsSwitch(flag)) flags.push_back(flag.name);
    }
  }
  std::vector<std::string> settings;
  for (const auto& [name, value] : config.items()) settings.push_back(name);
  EXPECT_THAT(settings, UnorderedElementsAreArray(flags));
}

TEST_F(StatusPagesTest, OtherPathsAreNotFound) { EXPECT_EQ(pages_("/").status, 404); }

}  // namespace
}  // namespace lossd
