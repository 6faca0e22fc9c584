// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/text_table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/status/printable.h"

namespace lossd::cli {

TextTable::TextTable(std::vector<std::string> header) { rows_.push_back(std::move(header)); }

void TextTable::AddRow(std::vector<std::string> cells) {
  for (std::string& cell : cells) cell = Printable(cell);
  rows_.push_back(std::move(cells));
}

void TextTable::Print(std::ostream& out) const {
  std::vector<size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  const auto print = [&](const std::vector<std::string>& row) {
    std::string line;
    for (size_t i = 0; i < widths.size(); ++i) {
      line += row[i];
      if (i + 1 < widths.size()) line.append(widths[i] - row[i].size() + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  };
  print(rows_.front());
  std::vector<std::string> rule;
  for (const size_t width : widths) rule.emplace_back(width, '-');
  print(rule);
  std::for_each(rows_.begin() + 1, rows_.end(), print);
}

std::string NumberText(double value) { return absl::StrFormat("%.6g", value); }

}  // namespace lossd::cli
