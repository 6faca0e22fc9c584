// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Writes reports for people and for spreadsheets.

#ifndef LOSSD_CLIENT_LOAD_REPORT_TEXT_H_
#define LOSSD_CLIENT_LOAD_REPORT_TEXT_H_

#include <string>
#include <vector>

#include "client/load/load_report.h"

namespace lossd::load {

// Tables: each level in a line; errors, the server's stages and doubts about the figures below, where there are any.
std::string ReportText(const LoadReport& report);

// One line a level under a line of column names.
std::string ReportCsv(const LoadReport& report);

// Levels that both have: goodput and latencies as ratios, `current` over `baseline`.
std::string ComparisonText(const LoadReport& baseline, const LoadReport& current);

// Names of the levels that are worse than in `baseline` by more than the share `tolerance`, in goodput or in p99.
std::vector<std::string> Regressions(const LoadReport& baseline, const LoadReport& current, double tolerance);

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_REPORT_TEXT_H_
