// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Draws reports.

#ifndef LOSSD_CLIENT_LOAD_REPORT_HTML_H_
#define LOSSD_CLIENT_LOAD_REPORT_HTML_H_

#include <string>

#include "client/load/load_report.h"

namespace lossd::load {

// A page that needs nothing else, in light or dark: plots over load, over the percentile and over time, where the time
// goes, and tables of levels, failed calls and the set-up.
std::string ReportHtml(const LoadReport& report);

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_REPORT_HTML_H_
