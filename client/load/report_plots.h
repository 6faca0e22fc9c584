// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Chooses what of a report is drawn.

#ifndef LOSSD_CLIENT_LOAD_REPORT_PLOTS_H_
#define LOSSD_CLIENT_LOAD_REPORT_PLOTS_H_

#include <string>

#include "client/load/load_report.h"

namespace lossd::load {

// Each gives an SVG element, or "" where the report has nothing to show in it.

// Calls that succeeded over calls that were due: of the levels, or of a ramp's windows.
std::string GoodputPlot(const LoadReport& report);
// Median and tail over the load, a point a level.
std::string LatencyOverLoadPlot(const LoadReport& report);
// The distribution of each level, stretched towards its tail: every nine takes as much room.
std::string PercentilePlot(const LoadReport& report);
// Window after window, level after level.
std::string ThroughputOverTimePlot(const LoadReport& report);
std::string LatencyOverTimePlot(const LoadReport& report);
std::string ErrorsOverTimePlot(const LoadReport& report);
// Where the time of a mean call goes: in the server by stage, and elsewhere.
std::string StagesPlot(const LoadReport& report);

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_REPORT_PLOTS_H_
