// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/report_html.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/load/report_samples.h"

namespace lossd::load {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ReportHtmlTest, PagesStandAloneAndEscape) {
  const std::string page = ReportHtml(SampleReport());
  EXPECT_THAT(page, AllOf(HasSubstr("<svg"), HasSubstr("polyline"), HasSubstr("down &amp; &lt;out&gt;"),
                          Not(HasSubstr("<out>")), Not(HasSubstr("http://")), Not(HasSubstr("nan"))));
}

TEST(ReportHtmlTest, ShowsTablesDoubtsAndTheSetup) {
  LoadReport report = SampleReport();
  report.setup["threads"] = 3;
  report.setup["server_version"] = "1.2.3";
  report.levels[0].stable = false;
  report.levels[0].missed = "p99 30 ms";
  report.interrupted = true;
  EXPECT_THAT(ReportHtml(report),
              AllOf(HasSubstr("<td>threads</td><td class='left'>3</td>"), HasSubstr("lossd 1.2.3"),
                    HasSubstr("<th>service p50</th><th>service p99</th><th>start lag p99</th>"),
                    HasSubstr("did not become stable"), HasSubstr("missed: p99 30 ms"), HasSubstr("Interrupted"),
                    HasSubstr("<td class='left'>UNAVAILABLE</td><td>2</td>")));
}

TEST(ReportHtmlTest, IsReadableInLightAndDark) {
  EXPECT_THAT(ReportHtml(SampleReport()), AllOf(HasSubstr("prefers-color-scheme:dark"), HasSubstr("light dark")));
}

TEST(ReportHtmlTest, BearsARunWithoutLevels) {
  LoadReport report;
  report.interrupted = true;
  EXPECT_THAT(ReportHtml(report), AllOf(HasSubstr("Interrupted"), Not(HasSubstr("<svg"))));
}

}  // namespace
}  // namespace lossd::load
