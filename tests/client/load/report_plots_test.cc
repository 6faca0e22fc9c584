// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/report_plots.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/load/report_samples.h"

namespace lossd::load {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Two levels of three windows each, with errors and stages.
LoadReport TwoLevels() {
  LoadReport report = SampleReport(4);
  report.levels[0].windows[0].seconds = 1;
  const WindowFigures window = report.levels[0].windows[0];
  for (int i = 1; i < 3; ++i) {
    report.levels[0].windows.push_back(window);
    report.levels[0].windows.back().start = i;
  }
  report.levels[0].server_stages = {{"decode", 1}, {"queue", 2}, {"compute", 3}, {"encode", 4}};
  report.levels.push_back(report.levels[0]);
  report.levels[1].name = "concurrency 8";
  report.levels[1].load = 8;
  return report;
}

TEST(ReportPlotsTest, LevelsAreDrawnOverTheirLoad) {
  const LoadReport report = TwoLevels();
  EXPECT_THAT(GoodputPlot(report), AllOf(HasSubstr("calls in flight"), HasSubstr(">goodput<"), HasSubstr(">4</text>"),
                                         HasSubstr(">8</text>")));
  EXPECT_THAT(LatencyOverLoadPlot(report), AllOf(HasSubstr(">p50<"), HasSubstr(">p99<"), Not(HasSubstr(">p99.9<"))))
      << "p99.9 needs 1000 calls";
}

TEST(ReportPlotsTest, WindowsAreDrawnOverTimeWithTheLevelsMarked) {
  const LoadReport report = TwoLevels();
  EXPECT_THAT(ThroughputOverTimePlot(report), AllOf(HasSubstr("time measured, s"), HasSubstr("class='mark'"),
                                                    HasSubstr(">goodput<"), HasSubstr("calls/s")));
  EXPECT_THAT(LatencyOverTimePlot(report), AllOf(HasSubstr(">p50<"), HasSubstr(">p90<"), HasSubstr(">p99<")));
  EXPECT_THAT(ErrorsOverTimePlot(report), HasSubstr(">UNAVAILABLE<"));
}

TEST(ReportPlotsTest, TheTailIsDrawnAsFarAsThereAreCalls) {
  EXPECT_THAT(PercentilePlot(TwoLevels()), AllOf(HasSubstr(">90</text>"), HasSubstr(">99</text>"),
                                                 Not(HasSubstr(">99.9</text>")), HasSubstr("by calls in flight")));
}

TEST(ReportPlotsTest, StagesAddUpToTheServiceTime) {
  EXPECT_THAT(StagesPlot(TwoLevels()), AllOf(HasSubstr(">compute</text>"), HasSubstr(">network and client</text>"),
                                             HasSubstr(">50.5 ms</text>")));
}

TEST(ReportPlotsTest, WhatARunDoesNotHaveIsNotDrawn) {
  LoadReport report = SampleReport();  // One level of one window, no stages.
  EXPECT_THAT(GoodputPlot(report), IsEmpty());
  EXPECT_THAT(LatencyOverLoadPlot(report), IsEmpty());
  EXPECT_THAT(ThroughputOverTimePlot(report), IsEmpty());
  EXPECT_THAT(ErrorsOverTimePlot(report), IsEmpty());
  EXPECT_THAT(StagesPlot(report), IsEmpty());
  report.levels.clear();
  EXPECT_THAT(PercentilePlot(report), IsEmpty());
}

TEST(ReportPlotsTest, ARampIsDrawnByItsWindows) {
  LoadReport report = TwoLevels();
  report.levels.pop_back();
  report.levels[0].open = true;
  EXPECT_THAT(GoodputPlot(report), IsEmpty()) << "no ramp";
  report.levels[0].windows[1].offered_per_second = 180;
  EXPECT_THAT(GoodputPlot(report), AllOf(HasSubstr("offered load of a window, calls/s"), HasSubstr("<circle")));
  EXPECT_THAT(ThroughputOverTimePlot(report), HasSubstr(">offered<"));
}

}  // namespace
}  // namespace lossd::load
