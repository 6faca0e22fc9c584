// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/report_text.h"

#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/load/report_samples.h"

namespace lossd::load {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ReportTextTest, SaysWhatHappened) {
  EXPECT_THAT(ReportText(SampleReport()), AllOf(HasSubstr("concurrency 4"), Not(HasSubstr("warning"))));
}

TEST(ReportTextTest, FailedCallsHaveATable) {
  EXPECT_THAT(ReportText(SampleReport()),
              ContainsRegex("concurrency 4 +UNAVAILABLE +2 +101[.0-9]* +102[.0-9]* +102.000 +down & <out>"));
}

TEST(ReportTextTest, PercentilesOfTooFewCallsAreAbsent) {
  LoadReport report = SampleReport();
  EXPECT_THAT(ReportText(report), AllOf(ContainsRegex("99[.0-9]+ +- +- +100.000"), HasSubstr("too few calls")));
  report.levels[0].latency.samples = 10000;
  EXPECT_THAT(ReportText(report), Not(HasSubstr("too few calls")));
}

TEST(ReportTextTest, SaysWhatToDoubtAndWhatWasMissed) {
  LoadReport report = SampleReport();
  LevelFigures& level = report.levels[0];
  level.stable = false;
  level.server_stages["compute"] = 1.5;
  level.checked = 7;
  level.missed = "p99 30 ms";
  report.interrupted = true;
  EXPECT_THAT(ReportText(report),
              AllOf(HasSubstr("warning: the figures did not become stable"), HasSubstr("compute 1.500 ms"),
                    HasSubstr("7 answers compared"), HasSubstr("missed: p99 30 ms"), HasSubstr("INTERRUPTED")));
}

TEST(ReportTextTest, ASearchTellsItsPath) {
  LoadReport report = SampleReport(4);
  report.levels.push_back(SampleReport(8).levels[0]);
  report.levels[1].missed = "p99";
  report.searched = true;
  EXPECT_THAT(ReportText(report), HasSubstr("search: 4 met, 8 missed\nhighest load that meets the objectives: none"));
  report.highest = 4;
  EXPECT_THAT(ReportText(report), HasSubstr("highest load that meets the objectives: 4\n"));
}

TEST(ReportTextTest, ChaosIsReportedApart) {
  LoadReport report = SampleReport();
  report.chaos_deeds = "calls cancelled";
  report.levels[0].disturbances = 5;
  report.levels[0].provoked = 2;
  EXPECT_THAT(ReportText(report),
              HasSubstr("chaos: 5 calls cancelled, the warm-up included; 2 calls failed through it, 0 otherwise"));
}

TEST(ReportTextTest, CsvHasALineALevelAndAColumnAName) {
  const std::string csv = ReportCsv(SampleReport());
  const auto end = csv.begin() + static_cast<std::ptrdiff_t>(csv.find('\n'));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 2);
  EXPECT_EQ(std::count(csv.begin(), end, ','), std::count(end, csv.end(), ','));
  EXPECT_THAT(csv, AllOf(HasSubstr(",UNAVAILABLE=2,0,0\n"), HasSubstr(",,,100.000,")));
}

}  // namespace
}  // namespace lossd::load
