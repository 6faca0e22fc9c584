// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/svg_plot.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd::load {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

PlotSpec LineOf(Points points) {
  PlotSpec spec;
  spec.title = "title";
  spec.x.label = "seconds";
  spec.y.label = "ms";
  spec.series.push_back({"line", "hue1", {std::move(points)}});
  return spec;
}

TEST(SvgPlotTest, HasTitleAxesWithUnitsAndTheLinesName) {
  const std::string svg = SvgPlot(LineOf({{0, 0}, {10, 100}}));
  EXPECT_THAT(svg,
              AllOf(HasSubstr(">title</text>"), HasSubstr(">seconds</text>"), HasSubstr(">ms</text>"),
                    HasSubstr("<polyline points='62.0,274.0 580.0,40.0 '"), HasSubstr("class='hue1'>line</text>")));
}

TEST(SvgPlotTest, TicksAreRoundNumbers) {
  const std::string svg = SvgPlot(LineOf({{0, 0}, {10, 1700}}));
  EXPECT_THAT(svg, AllOf(HasSubstr(">2</text>"), HasSubstr(">500</text>"), HasSubstr(">1.5k</text>"),
                         Not(HasSubstr(">1.7k</text>"))));
}

TEST(SvgPlotTest, LogarithmicAxesGiveEveryDecadeTheSameRoom) {
  PlotSpec spec = LineOf({{1, 1}, {10, 1}, {100, 1}});
  spec.x.logarithmic = true;
  EXPECT_THAT(SvgPlot(spec), HasSubstr("points='70.4,274.0 321.0,274.0 571.6,274.0 '"));
}

TEST(SvgPlotTest, BearsWhatLogarithmsDoNot) {
  PlotSpec spec = LineOf({{0, 1}, {1, 0}, {2, 5}});
  spec.x.logarithmic = spec.y.logarithmic = true;
  EXPECT_THAT(SvgPlot(spec), AllOf(HasSubstr("<circle"), Not(HasSubstr("nan")), Not(HasSubstr("inf"))));
  EXPECT_THAT(SvgPlot(LineOf({{5, 5}})), AllOf(HasSubstr("<circle"), Not(HasSubstr("nan")), Not(HasSubstr("inf"))));
}

TEST(SvgPlotTest, NothingToDrawIsNoPlot) {
  EXPECT_THAT(SvgPlot(LineOf({})), IsEmpty());
  EXPECT_THAT(SvgPlot(PlotSpec()), IsEmpty());
  EXPECT_THAT(SvgBars("t", "ms", {"a"}, {"hue1"}, {}), IsEmpty());
}

TEST(SvgPlotTest, MarksTellWhatTheyMark) {
  PlotSpec spec = LineOf({{16, 1500}, {32, 2000, "<two>"}});
  EXPECT_THAT(SvgPlot(spec), Not(HasSubstr("<title>"))) << "Lines without marks.";
  spec.series[0].dots = true;
  EXPECT_THAT(SvgPlot(spec), AllOf(HasSubstr("<title>line: 1.5k ms; seconds: 16</title>"),
                                   HasSubstr("<title>&lt;two&gt;</title>"), Not(HasSubstr(": 2k ms"))));
}

TEST(SvgPlotTest, StylesEveryColor) {
  EXPECT_THAT(PlotStyle({"hue1", "quiet"}),
              AllOf(HasSubstr(".hue1 polyline{stroke:var(--hue1)}"), HasSubstr("svg text.quiet{fill:var(--quiet)}")));
}

TEST(SvgPlotTest, NamesOfLinesThatEndTogetherLieApart) {
  PlotSpec spec = LineOf({{0, 0}, {1, 1}});
  spec.series.push_back({"other", "hue2", {{{0, 0}, {1, 1}}}});
  EXPECT_THAT(SvgPlot(spec), AllOf(HasSubstr("y='44.0' class='hue1'>line"), HasSubstr("y='58.0' class='hue2'>other")));
}

TEST(SvgPlotTest, BarsShowTheirPartsAndTheirSum) {
  const std::string svg =
      SvgBars("time", "ms", {"queue", "compute"}, {"hue1", "hue2"}, {{"one", {1, 3}}, {"two", {2, 6}}});
  EXPECT_THAT(svg, AllOf(HasSubstr(">queue</text>"), HasSubstr(">4 ms</text>"), HasSubstr(">8 ms</text>"),
                         HasSubstr("width='336.5"), Not(HasSubstr("nan"))));
}

TEST(SvgPlotTest, TextIsEscaped) {
  EXPECT_EQ(Escaped("<a b=\"c\">&'"), "&lt;a b=&quot;c&quot;&gt;&amp;&#39;");
  PlotSpec spec = LineOf({{0, 0}, {1, 1}});
  spec.series[0].name = "<b>";
  EXPECT_THAT(SvgPlot(spec), Not(HasSubstr("<b>")));
}

TEST(SvgPlotTest, NumbersAreShort) {
  EXPECT_EQ(ShortNumber(0), "0");
  EXPECT_EQ(ShortNumber(0.05), "0.05");
  EXPECT_EQ(ShortNumber(999), "999");
  EXPECT_EQ(ShortNumber(1000), "1k");
  EXPECT_EQ(ShortNumber(1536), "1.54k");
  EXPECT_EQ(ShortNumber(2.5e6), "2.5M");
  EXPECT_EQ(ShortNumber(3e9), "3G");
}

}  // namespace
}  // namespace lossd::load
