// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/svg_plot.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace lossd::load {
namespace {

// Of a plot, in pixels.
constexpr double kWidth = 640, kHeight = 320, kLeft = 62, kTop = 40, kBottom = 46;
constexpr double kLineHeight = 14;
constexpr double kLetter = 8;  // Width of a wide one.

// The round number 1, 2 or 5 times a power of ten that is at least `value`.
double RoundUp(double value) {
  const double decade = std::pow(10, std::floor(std::log10(value)));
  for (const double digit : {1.0, 2.0, 5.0}) {
    if (decade * digit >= value * (1 - 1e-9)) return decade * digit;
  }
  return decade * 10;
}

// Places values on one of the two axes.
class Scale {
 public:
  explicit Scale(const PlotAxis& axis) : axis_(axis) {}

  bool Takes(double value) const { return std::isfinite(value) && (!axis_.logarithmic || value > 0); }
  void Include(double value) {
    low_ = std::min(low_, value);
    high_ = std::max(high_, value);
  }
  // To be called after the last Include: widens to what is to be shown.
  void Close() {
    if (axis_.logarithmic) {
      const double room = axis_.ticks.empty() ? 1.08 : high_ > low_ ? 1 : 1.3;
      low_ /= room;
      high_ *= room;
      return;
    }
    if (axis_.from_zero) low_ = std::min(low_, 0.0);
    if (high_ <= low_) high_ = low_ + 1;
    if (axis_.from_zero) high_ += 0.05 * (high_ - low_);
  }
  // From 0 to 1.
  double Place(double value) const {
    return axis_.logarithmic ? std::log(value / low_) / std::log(high_ / low_) : (value - low_) / (high_ - low_);
  }
  std::vector<std::pair<double, std::string>> Ticks() const {
    std::vector<std::pair<double, std::string>> ticks;
    for (const auto& tick : axis_.ticks) AddTick(tick.first, tick.second, ticks);
    if (!axis_.ticks.empty()) return ticks;
    if (!axis_.logarithmic) {
      const double step = RoundUp((high_ - low_) / 6);
      const double first = std::ceil(low_ / step) * step;
      for (int i = 0; i <= (high_ - first) / step + 1e-6; ++i) {
        const double value = first + i * step;
        AddTick(value, ShortNumber(std::abs(value) < step / 1e6 ? 0 : value), ticks);
      }
      return ticks;
    }
    const bool only_decades = std::log10(high_ / low_) > 3;
    for (int exponent = static_cast<int>(std::floor(std::log10(low_))); exponent <= std::log10(high_) + 1e-9;
         ++exponent) {
      const double decade = std::pow(10, exponent);
      for (const double digit : {1.0, 2.0, 5.0}) {
        if (digit == 1 || !only_decades) AddTick(decade * digit, ShortNumber(decade * digit), ticks);
      }
    }
    return ticks;
  }

 private:
  void AddTick(double value, const std::string& label, std::vector<std::pair<double, std::string>>& ticks) const {
    const double slack = axis_.logarithmic ? low_ * 1e-6 : (high_ - low_) * 1e-6;
    if (value >= low_ - slack && value <= high_ * (1 + 1e-9) + slack) ticks.emplace_back(value, label);
  }

  const PlotAxis& axis_;
  double low_ = std::numeric_limits<double>::max();
  double high_ = std::numeric_limits<double>::lowest();
};

// A name at the end of a line.
struct EndLabel {
  double x, y;
  const Series* series;
};

class Plot {
 public:
  explicit Plot(const PlotSpec& spec) : spec_(spec), x_(spec.x), y_(spec.y) {
    for (const Series& series : spec.series) {
      right_ = std::max(right_, 16 + kLetter * static_cast<double>(series.name.size()));
      for (const Points& line : series.lines) {
        for (const PlotPoint& point : line) {
          if (!Drawable(point)) continue;
          x_.Include(point.x);
          y_.Include(point.y);
          empty_ = false;
        }
      }
    }
    x_.Close();
    y_.Close();
  }

  bool empty() const { return empty_; }

  std::string Draw() {
    out_ = absl::StrFormat("<svg viewBox='0 0 %g %g' role='img' aria-label='%s'>\n", kWidth, kHeight,
                           Escaped(spec_.title));
    absl::StrAppendFormat(&out_, "<text x='0' y='16' class='title'>%s</text>\n", Escaped(spec_.title));
    DrawGrid();
    DrawMarks();
    for (const Series& series : spec_.series) DrawSeries(series);
    DrawLabels();
    absl::StrAppend(&out_, "</svg>\n");
    return std::move(out_);
  }

 private:
  bool Drawable(const PlotPoint& point) const { return x_.Takes(point.x) && y_.Takes(point.y); }
  double X(double x) const { return kLeft + x_.Place(x) * (kWidth - kLeft - right_); }
  double Y(double y) const { return kHeight - kBottom - y_.Place(y) * (kHeight - kTop - kBottom); }

  void DrawGrid() {
    const double bottom = kHeight - kBottom;
    double free_from = 0;
    for (const auto& [x, label] : x_.Ticks()) {
      absl::StrAppendFormat(&out_, "<path d='M%.1f %g V%g' class='grid'/>", X(x), kTop, bottom);
      const double half = 3.5 * static_cast<double>(label.size());
      if (X(x) - half < free_from) continue;  // Would lie over the one before.
      free_from = X(x) + half + 4;
      absl::StrAppendFormat(&out_, "<text x='%.1f' y='%g' class='mid'>%s</text>\n", X(x), bottom + 16, Escaped(label));
    }
    for (const auto& [y, label] : y_.Ticks()) {
      absl::StrAppendFormat(&out_, "<path d='M%g %.1f H%g' class='grid'/><text x='%g' y='%.1f' class='end'>%s</text>\n",
                            kLeft, Y(y), kWidth - right_, kLeft - 6, Y(y) + 4, Escaped(label));
    }
    absl::StrAppendFormat(&out_, "<path d='M%g %g H%g' class='axis'/>\n", kLeft, bottom, kWidth - right_);
    absl::StrAppendFormat(&out_, "<text x='%g' y='%g' class='mid'>%s</text>\n", (kWidth + kLeft - right_) / 2,
                          kHeight - 10, Escaped(spec_.x.label));
    absl::StrAppendFormat(&out_, "<text x='0' y='33'>%s</text>\n", Escaped(spec_.y.label));
  }

  void DrawMarks() {
    double free_from = 0;
    for (const auto& [x, word] : spec_.marks) {
      if (!x_.Takes(x)) continue;
      absl::StrAppendFormat(&out_, "<path d='M%.1f %g V%g' class='mark'/>", X(x), kTop, kHeight - kBottom);
      if (X(x) < free_from) continue;
      free_from = X(x) + 6.5 * static_cast<double>(word.size()) + 6;
      absl::StrAppendFormat(&out_, "<text x='%.1f' y='%g' class='word'>%s</text>\n", X(x) + 3, kTop - 4, Escaped(word));
    }
  }

  std::string Tooltip(const Series& series, const PlotPoint& point) const {
    if (!point.tooltip.empty()) return point.tooltip;
    return absl::StrFormat("%s: %s %s; %s: %s", series.name, ShortNumber(point.y), spec_.y.label, spec_.x.label,
                           ShortNumber(point.x));
  }

  void DrawSeries(const Series& series) {
    EndLabel label = {0, 0, nullptr};
    for (const Points& line : series.lines) {
      std::string path, dots;
      int points = 0;
      for (const PlotPoint& point : line) {
        if (!Drawable(point)) continue;
        const double x = X(point.x), y = Y(point.y);
        absl::StrAppendFormat(&path, "%.1f,%.1f ", x, y);
        absl::StrAppendFormat(&dots, "<circle cx='%.1f' cy='%.1f' r='2.5'><title>%s</title></circle>", x, y,
                              Escaped(Tooltip(series, point)));
        label = {x, y, &series};
        ++points;
      }
      absl::StrAppendFormat(&out_, "<g class='%s'>", series.color);
      if (points > 1) {
        absl::StrAppendFormat(&out_, "<polyline points='%s'%s/>", path, series.dashed ? " class='dashed'" : "");
      }
      if (points == 1 || series.dots) out_ += dots;
      absl::StrAppend(&out_, "</g>\n");
    }
    if (label.series != nullptr && !series.name.empty()) labels_.push_back(label);
  }

  // Names beside the lines' ends, moved apart where they would lie over each other.
  void DrawLabels() {
    std::sort(labels_.begin(), labels_.end(), [](const EndLabel& a, const EndLabel& b) { return a.y < b.y; });
    double free_from = kTop;
    for (EndLabel& label : labels_) {
      label.y = std::max(label.y, free_from);
      free_from = label.y + kLineHeight;
    }
    double free_to = kHeight - kBottom + 2;
    for (auto label = labels_.rbegin(); label != labels_.rend(); ++label) {
      label->y = std::min(label->y, free_to);
      free_to = label->y - kLineHeight;
    }
    for (const EndLabel& label : labels_) {
      absl::StrAppendFormat(&out_, "<text x='%.1f' y='%.1f' class='%s'>%s</text>\n", kWidth - right_ + 8, label.y + 4,
                            label.series->color, Escaped(label.series->name));
    }
  }

  const PlotSpec& spec_;
  Scale x_, y_;
  bool empty_ = true;
  double right_ = 60;  // Room for the names.
  std::vector<EndLabel> labels_;
  std::string out_;
};

}  // namespace

std::string Escaped(const std::string& text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

std::string ShortNumber(double value) {
  const double size = std::abs(value);
  if (size >= 999.5e6) return absl::StrFormat("%.3gG", value / 1e9);
  if (size >= 999.5e3) return absl::StrFormat("%.3gM", value / 1e6);
  if (size >= 999.5) return absl::StrFormat("%.3gk", value / 1e3);
  return absl::StrFormat("%.3g", value);
}

std::string PlotStyle(const std::vector<std::string>& colors) {
  std::string rules = R"(
svg{width:100%;height:auto;display:block}
svg text{font:11.5px system-ui,sans-serif;fill:var(--soft)}svg .title{font-size:13.5px;font-weight:600;fill:var(--ink)}
svg .mid{text-anchor:middle}svg .end{text-anchor:end}.grid{stroke:var(--line)}.axis{stroke:var(--axis)}
.mark{stroke:var(--axis);stroke-dasharray:2 3}svg .word{font-size:10.5px}
svg polyline{fill:none;stroke-width:2;stroke-linejoin:round}svg .dashed{stroke-dasharray:5 4}
svg circle{stroke:transparent;stroke-width:12;pointer-events:all}
)";
  for (const std::string& color : colors) {
    absl::StrAppendFormat(
        &rules, ".%1$s polyline{stroke:var(--%1$s)}.%1$s circle,.%1$s.bar,svg text.%1$s{fill:var(--%1$s)}\n", color);
  }
  return rules;
}

std::string SvgPlot(const PlotSpec& spec) {
  Plot plot(spec);
  return plot.empty() ? "" : plot.Draw();
}

std::string SvgBars(const std::string& title, const std::string& unit, const std::vector<std::string>& part_names,
                    const std::vector<std::string>& part_colors, const std::vector<BarRow>& rows) {
  constexpr double kNames = 130, kEnd = 60, kRow = 24, kHead = 52;
  double most = 0;
  for (const BarRow& row : rows) {
    double sum = 0;
    for (const double part : row.parts) sum += part;
    most = std::max(most, sum);
  }
  if (most <= 0) return "";
  const double height = kHead + kRow * static_cast<double>(rows.size()) + 4;
  std::string out =
      absl::StrFormat("<svg viewBox='0 0 %g %g' role='img' aria-label='%s'>\n", kWidth, height, Escaped(title));
  absl::StrAppendFormat(&out, "<text x='0' y='16' class='title'>%s</text>\n", Escaped(title));
  double x = kNames;
  for (size_t i = 0; i < part_names.size(); ++i) {
    absl::StrAppendFormat(&out, "<rect x='%.1f' y='30' width='10' height='10' class='%s bar'/>", x, part_colors[i]);
    absl::StrAppendFormat(&out, "<text x='%.1f' y='39'>%s</text>\n", x + 14, Escaped(part_names[i]));
    x += 30 + 6.5 * static_cast<double>(part_names[i].size());
  }
  double y = kHead;
  for (const BarRow& row : rows) {
    absl::StrAppendFormat(&out, "<text x='%g' y='%.1f' class='end'>%s</text>\n", kNames - 8, y + 13, Escaped(row.name));
    double sum = 0, left = kNames;
    for (size_t i = 0; i < row.parts.size(); ++i) {
      const double width = row.parts[i] / most * (kWidth - kNames - kEnd);
      absl::StrAppendFormat(&out, "<rect x='%.1f' y='%.1f' width='%.1f' height='17' class='%s bar'/>\n", left, y,
                            std::max(0.0, width - 1), part_colors[i]);
      left += width;
      sum += row.parts[i];
    }
    absl::StrAppendFormat(&out, "<text x='%.1f' y='%.1f'>%s %s</text>\n", left + 5, y + 13, ShortNumber(sum),
                          Escaped(unit));
    y += kRow;
  }
  return out + "</svg>\n";
}

}  // namespace lossd::load
