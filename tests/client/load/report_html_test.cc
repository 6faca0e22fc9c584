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

}  // namespace
}  // namespace lossd::load
