// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Draws plots as SVG within HTML pages.

#ifndef LOSSD_CLIENT_LOAD_SVG_PLOT_H_
#define LOSSD_CLIENT_LOAD_SVG_PLOT_H_

#include <string>
#include <utility>
#include <vector>

namespace lossd::load {

// In the units of the axes.
struct PlotPoint {
  double x = 0;
  double y = 0;
  std::string tooltip = {};  // Shown where a mark is pointed at; empty: both coordinates.
};
using Points = std::vector<PlotPoint>;

// Lines that belong together: one name, one colour. A line of one point is a dot.
struct Series {
  std::string name;           // Written at the end of the last line; empty: not at all.
  std::string color;          // A CSS class that sets stroke and fill.
  std::vector<Points> lines;  // Points by rising x. On a logarithmic axis those that are not positive are left out.
  bool dashed = false;
  bool dots = false;  // Marks every point as well.
};

struct PlotAxis {
  std::string label;  // With the unit.
  bool logarithmic = false;
  bool from_zero = false;                             // A linear axis that begins at 0.
  std::vector<std::pair<double, std::string>> ticks;  // Empty: round numbers.
};

// What to draw. Texts may hold anything: they are escaped. Names of colours are ours.
struct PlotSpec {
  std::string title;
  PlotAxis x;
  PlotAxis y;
  std::vector<Series> series;
  std::vector<std::pair<double, std::string>> marks;  // Vertical lines with a word to their right.
};

// An SVG element with axes, grid and names at the lines' ends. A spec without a drawable point gives "". The page's
// style sheet must contain PlotStyle.
std::string SvgPlot(const PlotSpec& spec);

// A bar a row, of parts one after the other: "compute 1.2".
struct BarRow {
  std::string name;
  std::vector<double> parts;  // As many as there are part names; at least 0.
};
std::string SvgBars(const std::string& title, const std::string& unit, const std::vector<std::string>& part_names,
                    const std::vector<std::string>& part_colors, const std::vector<BarRow>& rows);

// The rules of a style sheet for plots whose series have these colours. The page defines what the rules refer to: a
// custom property for each colour ("--hue1" for "hue1"), and --ink, --soft (text), --line (grid), --axis.
std::string PlotStyle(const std::vector<std::string>& colors);

// Text as HTML and SVG need it.
std::string Escaped(const std::string& text);
// "1.5k", "20", "0.05": three digits.
std::string ShortNumber(double value);

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_SVG_PLOT_H_
