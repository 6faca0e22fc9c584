// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Writes reports for people and for spreadsheets.

#ifndef LOSSD_CLIENT_LOAD_REPORT_TEXT_H_
#define LOSSD_CLIENT_LOAD_REPORT_TEXT_H_

#include <string>

#include "client/load/load_report.h"

namespace lossd::load {

// Tables: each level in a line, failed calls by code; the server's stages, objectives missed and doubts about the
// figures below, where there are any.
std::string ReportText(const LoadReport& report);

// One line a level under a line of column names. Percentiles for which too few calls were sampled are empty.
std::string ReportCsv(const LoadReport& report);

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_REPORT_TEXT_H_
