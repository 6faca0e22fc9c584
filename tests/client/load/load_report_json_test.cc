// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/load/report_samples.h"
#include "tests/support/status_matchers.h"

namespace lossd::load {
namespace {

using ::lossd::testing::StatusIs;

TEST(LoadReportJsonTest, ComesBackAsItWent) {
  LoadReport report = SampleReport();
  LevelFigures& level = report.levels[0];
  level.server_stages["queue"] = 0.25;
  level.provoked = 1;
  level.missed = "p99";
  level.interrupted = true;
  level.withdrawn = 3;
  report.searched = true;
  report.highest = 8;
  report.interrupted = true;
  report.setup["threads"] = 2;
  const std::string text = ToJson(report).dump();
  ASSERT_OK_AND_ASSIGN(const LoadReport back, ReportFromJson(text));
  EXPECT_EQ(ToJson(back).dump(), text);
}

TEST(LoadReportJsonTest, HasTheSetupAndTheErrorsTimes) {
  LoadReport report = SampleReport();
  report.setup["threads"] = 2;
  const nlohmann::json json = ToJson(report);
  EXPECT_EQ(json.at("setup").at("threads"), 2);
  const nlohmann::json& level = json.at("levels").at(0);
  EXPECT_EQ(level.at("errors").at("UNAVAILABLE").at("max_ms"), 102);
  EXPECT_EQ(level.at("latency_ms").at("samples"), 100);
  EXPECT_EQ(level.at("windows").at(0).at("errors").at("UNAVAILABLE"), 2);
}

TEST(LoadReportJsonTest, ReportsOfOlderVersionsAreRead) {
  nlohmann::json json = ToJson(SampleReport());
  for (const char* name : {"setup", "interrupted", "chaos_deeds"}) json.erase(name);
  nlohmann::json& level = json.at("levels").at(0);
  for (const char* name :
       {"start_lag_ms", "provoked", "disturbances", "curve_ms", "missed", "interrupted", "withdrawn", "doubts"}) {
    level.erase(name);
  }
  for (const char* name : {"p50_ms", "p99_ms", "max_ms"}) level.at("errors").at("UNAVAILABLE").erase(name);
  level.at("latency_ms").erase("samples");
  for (const char* name : {"seconds", "errors", "counts", "p90_ms"}) level.at("windows").at(0).erase(name);
  ASSERT_OK_AND_ASSIGN(const LoadReport report, ReportFromJson(json.dump()));
  EXPECT_EQ(report.levels.at(0).failed, 2);
  EXPECT_TRUE(report.setup.empty());
}

TEST(LoadReportJsonTest, AnythingElseIsRefused) {
  EXPECT_THAT(ReportFromJson("{}"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ReportFromJson("]"), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace lossd::load
