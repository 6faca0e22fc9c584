// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/load_compare.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/load/report_samples.h"

namespace lossd::load {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(LoadCompareTest, NoiseIsWelchsInterval) {
  // Means 100 and 110, standard deviations 2 and 4 over four windows each: variances of the means 1 and 4, freedom
  // 25 / (1/3 + 16/3) = 4.4, quantile 2.69, half-width 2.69 * sqrt(5) = 6.0 of 100.
  const double a = std::sqrt(3.0), b = 2 * std::sqrt(3.0);
  const Change change = ChangeOf(100, 110, {100 - a, 100 - a, 100 + a, 100 + a}, {110 - b, 110 - b, 110 + b, 110 + b});
  EXPECT_NEAR(change.share, 0.1, 1e-9);
  ASSERT_TRUE(change.noise.has_value());
  EXPECT_NEAR(*change.noise, 0.0602, 0.0001);
  EXPECT_FALSE(change.InNoise());
}

TEST(LoadCompareTest, ADifferenceWithinTheNoiseIsNone) {
  EXPECT_TRUE(ChangeOf(100, 101, {95, 105, 100}, {96, 106, 101}).InNoise());
  EXPECT_FALSE(ChangeOf(100, 150, {99, 101, 100}, {149, 151, 150}).InNoise());
}

TEST(LoadCompareTest, OneWindowTellsNoNoise) {
  const Change change = ChangeOf(100, 101, {100}, {101, 101});
  EXPECT_FALSE(change.noise.has_value());
  EXPECT_FALSE(change.InNoise());
}

// Five windows at 100 calls a second, a little up and down.
LoadReport WithWindows(double factor) {
  LoadReport report = SampleReport(4);
  LevelFigures& level = report.levels[0];
  level.goodput_per_second = 100 * factor;
  level.windows.clear();
  for (const double share : {0.99, 1.01, 1.0, 0.98, 1.02}) {
    WindowFigures window;
    window.calls_per_second = 100 * factor * share;
    window.p50 = level.latency.At(0.5) * share;
    window.p99 = level.latency.At(0.99) * share;
    level.windows.push_back(window);
  }
  return report;
}

TEST(LoadCompareTest, TextMarksWhatIsInTheNoise) {
  const std::string same = ComparisonText(WithWindows(1), WithWindows(1.005));
  EXPECT_THAT(same, AllOf(HasSubstr("+0.5 % (noise 2.3 %) ~"), HasSubstr("inside the noise")));
  EXPECT_THAT(ComparisonText(WithWindows(1), WithWindows(0.5)), HasSubstr("-50.0 % (noise 1.9 %)  "));
}

TEST(LoadCompareTest, TextWarnsOfOtherSetUps) {
  LoadReport before = WithWindows(1), now = WithWindows(1);
  EXPECT_THAT(ComparisonText(before, now), HasSubstr("does not say how it was set up"));
  before.setup["threads"] = 1;
  now.setup["threads"] = 2;
  EXPECT_THAT(ComparisonText(before, now), HasSubstr("warning: another set-up: threads: 1 in the baseline, 2 now"));
  now.setup["threads"] = 1;
  EXPECT_THAT(ComparisonText(before, now), Not(HasSubstr("warning")));
}

TEST(LoadCompareTest, TextNamesLevelsThatOnlyOneHas) {
  LoadReport now = WithWindows(1);
  now.levels[0].name = "concurrency 9";
  EXPECT_THAT(ComparisonText(WithWindows(1), now), HasSubstr("concurrency 9: not in the baseline"));
  EXPECT_THAT(Regressions(WithWindows(1), now, 0), IsEmpty());
}

TEST(LoadCompareTest, TextNamesLevelsThatAreMissingNow) {
  LoadReport before = WithWindows(1);
  before.levels.push_back(before.levels[0]);
  before.levels[1].name = "concurrency 9";
  EXPECT_THAT(ComparisonText(before, WithWindows(1)), HasSubstr("concurrency 9: in the baseline, not measured now"));
}

TEST(LoadCompareTest, WhatWasNotComparedIsNoSuccess) {
  LoadReport now = WithWindows(1);
  EXPECT_EQ(WhyNotComparable(WithWindows(1), now), "");
  now.what = "cpc";
  EXPECT_THAT(WhyNotComparable(WithWindows(1), now), HasSubstr("another request: nt_xent, 500 bytes"));
  now = WithWindows(1);
  now.levels[0].name = "concurrency 9";
  EXPECT_THAT(WhyNotComparable(WithWindows(1), now), HasSubstr("none of the levels"));
}

TEST(LoadCompareTest, WithoutCallsThereIsNoChangeOfLatency) {
  LoadReport now = WithWindows(1);
  now.levels[0].succeeded = 0;
  now.levels[0].latency = FiguresOf(Histogram());
  EXPECT_THAT(ComparisonText(WithWindows(1), now), AllOf(HasSubstr("no figure"), Not(HasSubstr("-100.0 %"))));
}

TEST(LoadCompareTest, RegressionsAreBeyondToleranceAndNoise) {
  EXPECT_THAT(Regressions(WithWindows(1), WithWindows(0.5), 0.4), ElementsAre("concurrency 4"));
  EXPECT_THAT(Regressions(WithWindows(1), WithWindows(0.5), 0.6), IsEmpty());
  EXPECT_THAT(Regressions(WithWindows(1), WithWindows(0.99), 0), IsEmpty()) << "inside the noise";
  LoadReport late = WithWindows(1);
  late.levels[0].latency.percentiles[6] *= 1.2;  // p99.
  EXPECT_THAT(Regressions(WithWindows(1), late, 0.1), ElementsAre("concurrency 4"));
}

}  // namespace
}  // namespace lossd::load
