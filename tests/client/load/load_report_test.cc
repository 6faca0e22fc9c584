// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/load_report.h"

#include "client/load/report_html.h"
#include "client/load/report_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd::load {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// 100 calls of 1 to 100 ms in 2 s, two errors, and one window.
LevelResult MakeResult(int64_t concurrency) {
  LevelResult result;
  result.level.concurrency = concurrency;
  result.length = absl::Seconds(2);
  const absl::Time start = absl::FromUnixSeconds(1);
  for (int i = 1; i <= 102; ++i) {
    CallOutcome outcome;
    outcome.intended = start;
    outcome.started = start;
    outcome.finished = start + absl::Milliseconds(i);
    if (i > 100) outcome.status = absl::UnavailableError("down & <out>");
    outcome.received_bytes = 1000;
    result.calls.Add(outcome);
  }
  result.windows.push_back({absl::ZeroDuration(), absl::Seconds(2), result.calls});
  return result;
}

LoadReport MakeReport(int64_t concurrency = 4) {
  LoadReport report;
  report.target = "localhost:1";
  report.what = "nt_xent";
  report.request_bytes = 500;
  report.levels.push_back(FiguresOf(MakeResult(concurrency), 500));
  return report;
}

TEST(LoadReportTest, FiguresFollowFromTheRecording) {
  const LevelFigures level = MakeReport().levels[0];
  EXPECT_EQ(level.name, "concurrency 4");
  EXPECT_EQ(level.offered_per_second, 51);
  EXPECT_EQ(level.goodput_per_second, 50);
  EXPECT_NEAR(level.latency.At(0.5), 50, 0.05);
  EXPECT_NEAR(level.latency.At(0.99), 99, 0.1);
  EXPECT_EQ(level.latency.At(1), 100);
  EXPECT_EQ(level.sent_mb_per_second, 0.025);
  EXPECT_EQ(level.failed, 2);
  EXPECT_EQ(level.windows[0].calls_per_second, 50);
}

TEST(LoadReportTest, LevelsAreNamedByTheirLoad) {
  LevelResult result = MakeResult(1);
  result.level.arrivals = ArrivalOptions{100, 100};
  EXPECT_EQ(FiguresOf(result, 1).name, "rate 100");
  result.level.arrivals = ArrivalOptions{100, 250.5};
  EXPECT_EQ(FiguresOf(result, 1).name, "rate 100:250.5");
}

TEST(LoadReportTest, JsonComesBackAsItWent) {
  LoadReport report = MakeReport();
  report.levels[0].server_stages["queue"] = 0.25;
  report.searched = true;
  report.highest = 8;
  const std::string text = ToJson(report).dump();
  ASSERT_OK_AND_ASSIGN(const LoadReport back, ReportFromJson(text));
  EXPECT_EQ(ToJson(back).dump(), text);
  EXPECT_THAT(ReportFromJson("{}"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ReportFromJson("]"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(LoadReportTest, TextSaysWhatHappenedAndWhatToDoubt) {
  LoadReport report = MakeReport();
  LevelFigures& level = report.levels[0];
  EXPECT_THAT(ReportText(report),
              AllOf(HasSubstr("concurrency 4"), HasSubstr("2 UNAVAILABLE, for example: down & <out>"),
                    Not(HasSubstr("stable")), Not(HasSubstr("bottleneck"))));
  level.stable = false;
  level.busiest_thread = 0.95;
  level.server_stages["compute"] = 1.5;
  level.checked = 7;
  report.searched = true;
  EXPECT_THAT(ReportText(report), AllOf(HasSubstr("did not become stable"), HasSubstr("this client is the bottleneck"),
                                        HasSubstr("compute 1.500 ms"), HasSubstr("7 answers compared"),
                                        HasSubstr("highest load that meets the objectives: none")));
}

TEST(LoadReportTest, CsvHasALineALevelAndAColumnAName) {
  const std::string csv = ReportCsv(MakeReport());
  const auto end = csv.find('\n');
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 2);
  EXPECT_EQ(std::count(csv.begin(), csv.begin() + static_cast<std::ptrdiff_t>(end), ','),
            std::count(csv.begin() + static_cast<std::ptrdiff_t>(end), csv.end(), ','));
}

TEST(LoadReportTest, PagesStandAloneAndEscape) {
  const std::string page = ReportHtml(MakeReport());
  EXPECT_THAT(page, AllOf(HasSubstr("<svg"), HasSubstr("polyline"), HasSubstr("down &amp; &lt;out&gt;"),
                          Not(HasSubstr("<out>")), Not(HasSubstr("http://")), Not(HasSubstr("nan"))));
}

TEST(LoadReportTest, PlotsBearWhatLogarithmsDoNot) {
  EXPECT_THAT(LogPlot("t", "x", "y", {{"c", {{0, 1}, {1, 0}}}}), Not(HasSubstr("nan")));
  EXPECT_THAT(LogPlot("t", "x", "y", {{"c", {{5, 5}}}}), AllOf(Not(HasSubstr("nan")), Not(HasSubstr("inf"))));
}

TEST(LoadReportTest, ComparesLevelsOfOneName) {
  const LoadReport baseline = MakeReport(4);
  LoadReport current = MakeReport(4);
  current.levels[0].goodput_per_second *= 0.5;
  current.levels.push_back(MakeReport(8).levels[0]);
  EXPECT_THAT(ComparisonText(baseline, current), AllOf(HasSubstr("0.50x"), HasSubstr("concurrency 8: not in")));
  EXPECT_THAT(Regressions(baseline, current, 0.4), ElementsAre("concurrency 4"));
  EXPECT_THAT(Regressions(baseline, current, 0.6), IsEmpty());
  current.levels[0] = baseline.levels[0];
  current.levels[0].latency.percentiles[6] *= 1.2;  // p99.
  EXPECT_THAT(Regressions(baseline, current, 0.1), ElementsAre("concurrency 4"));
}

}  // namespace
}  // namespace lossd::load
