// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Prints tables for people.

#ifndef LOSSD_CLIENT_CLI_TEXT_TABLE_H_
#define LOSSD_CLIENT_CLI_TEXT_TABLE_H_

#include <ostream>
#include <string>
#include <vector>

namespace lossd::cli {

// Rows of left-aligned columns, two blanks apart, under a header and a rule; cells are made Printable. Columns are as
// wide as their longest cell, in bytes. Not thread-safe.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header);
  // Precondition: as many cells as the header has.
  void AddRow(std::vector<std::string> cells);
  void Print(std::ostream& out) const;

 private:
  std::vector<std::vector<std::string>> rows_;  // The header first.
};

// `value` with six significant digits.
std::string NumberText(double value);

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_TEXT_TABLE_H_
