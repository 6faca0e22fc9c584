// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/load_report.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/load/report_samples.h"

namespace lossd::load {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(LoadReportTest, FiguresFollowFromTheRecording) {
  const LevelFigures level = SampleReport().levels[0];
  EXPECT_EQ(level.name, "concurrency 4");
  EXPECT_EQ(level.offered_per_second, 51);
  EXPECT_EQ(level.goodput_per_second, 50);
  EXPECT_NEAR(level.latency.At(0.5), 50, 0.05);
  EXPECT_NEAR(level.latency.At(0.99), 99, 0.1);
  EXPECT_EQ(level.latency.At(1), 100);
  EXPECT_EQ(level.latency.samples, 100);
  EXPECT_EQ(level.sent_mb_per_second, 0.025);
  EXPECT_EQ(level.failed, 2);
}

TEST(LoadReportTest, TheCurveEndsWhereTheCallsDo) {
  const auto curve = SampleReport().levels[0].curve;  // 100 calls of 1 to 100 ms.
  ASSERT_EQ(curve.size(), 17u);
  EXPECT_EQ(curve[0].first, 0);
  EXPECT_NEAR(curve[8].first, 0.9, 1e-9);
  EXPECT_NEAR(curve[8].second, 90, 1.1);
  EXPECT_NEAR(curve[16].first, 0.99, 1e-9);
}

TEST(LoadReportTest, WindowsHaveFiguresOfTheirOwn) {
  const WindowFigures window = SampleReport().levels[0].windows.at(0);
  EXPECT_EQ(window.seconds, 2);
  EXPECT_EQ(window.calls, 100);
  EXPECT_EQ(window.calls_per_second, 50);
  EXPECT_EQ(window.offered_per_second, 51);
  EXPECT_NEAR(window.p90, 90, 0.1);
  EXPECT_EQ(window.errors.at("UNAVAILABLE"), 2);
  EXPECT_TRUE(window.counts);
}

TEST(LoadReportTest, FailedCallsHaveTimesOfTheirOwn) {
  const ErrorFigures error = SampleReport().levels[0].errors.at("UNAVAILABLE");
  EXPECT_EQ(error.calls, 2);
  EXPECT_EQ(error.example, "down & <out>");
  EXPECT_NEAR(error.p50, 101, 0.2);
  EXPECT_EQ(error.max, 102);
}

TEST(LoadReportTest, PercentilesNeedACallBeyondThem) {
  LatencyFigures figures;
  EXPECT_FALSE(figures.Supports(0.5));
  figures.samples = 9999;
  EXPECT_TRUE(figures.Supports(0.999));
  EXPECT_FALSE(figures.Supports(0.9999));
  EXPECT_TRUE(figures.Supports(1));
  figures.samples = 10000;
  EXPECT_TRUE(figures.Supports(0.9999));
}

TEST(LoadReportTest, SaysWhatToDoubt) {
  LevelFigures level = SampleReport().levels[0];
  EXPECT_THAT(level.Doubts(), IsEmpty());
  level.stable = false;
  level.busiest_thread = 0.95;
  level.skipped = 3;
  level.interrupted = true;
  EXPECT_THAT(level.Doubts(),
              ElementsAre(HasSubstr("interrupted"), HasSubstr("did not become stable"),
                          HasSubstr("this client is the bottleneck"), HasSubstr("3 arrivals were skipped")));
}

TEST(LoadReportTest, LateStartsAreDoubtedBeyondATenthOfTheServiceTime) {
  LevelFigures level = SampleReport().levels[0];  // Median 50 ms.
  level.lag.samples = 100;
  level.lag.percentiles.assign(std::size(kShares), 4.9);
  EXPECT_THAT(level.Doubts(), IsEmpty());
  level.lag.percentiles.assign(std::size(kShares), 5.2);
  EXPECT_THAT(level.Doubts(), ElementsAre(HasSubstr("started calls late (p99 5.200 ms")));
  level.lag.samples = 99;
  EXPECT_THAT(level.Doubts(), IsEmpty());
}

TEST(LoadReportTest, ASearchSaysWhatItsOutcomeRestsOn) {
  LoadReport report;
  report.searched = report.interrupted = true;
  EXPECT_EQ(HighestInWords(report), "not found, interrupted");
  report.highest = 8;
  EXPECT_EQ(HighestInWords(report), "8 so far, interrupted");
  report.interrupted = false;
  report.levels.emplace_back();
  report.levels[0].load = 8;
  report.levels[0].latency.samples = 40;
  EXPECT_EQ(HighestInWords(report), "8 (its p99 is the maximum of 40 calls)");
  report.highest.reset();
  EXPECT_EQ(HighestInWords(report), "none");
}

TEST(LoadReportTest, AnotherDeviceMayAnswerDifferently) {
  LoadReport report;
  report.levels.emplace_back();
  report.setup["server_devices"] = {"aten-cpu, AMD EPYC, 1 threads"};
  EXPECT_EQ(WhyDifferent(report), "");
  report.levels[0].different = 1;
  EXPECT_THAT(WhyDifferent(report), ::testing::HasSubstr("computes on aten-cpu in fp32"));
  report.setup["server_devices"] = {"cpu, AMD EPYC, 1 threads"};
  EXPECT_EQ(WhyDifferent(report), "");
  report.setup["server_flags"]["compute_precision"] = "bf16";
  EXPECT_THAT(WhyDifferent(report), ::testing::HasSubstr("computes on cpu in bf16"));
}

}  // namespace
}  // namespace lossd::load
