// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Makes reports as of small runs.

#ifndef LOSSD_TESTS_CLIENT_LOAD_REPORT_SAMPLES_H_
#define LOSSD_TESTS_CLIENT_LOAD_REPORT_SAMPLES_H_

#include "client/load/load_report.h"

namespace lossd::load {

// 100 calls of 1 to 100 ms in 2 s, two errors of 101 and 102 ms, and one window.
inline LevelResult SampleResult(int64_t concurrency) {
  LevelResult result;
  result.level.concurrency = concurrency;
  result.length = absl::Seconds(2);
  const absl::Time start = absl::FromUnixSeconds(1);
  for (int i = 1; i <= 102; ++i) {
    CallOutcome outcome;
    outcome.intended = start;
    outcome.started = start;
    outcome.finished = start + absl::Milliseconds(i);
    if (i > 100) outcome.status = absl::UnavailableError("down & <out>");
    outcome.received_bytes = 1000;
    result.calls.Add(outcome);
  }
  Window window;
  window.length = absl::Seconds(2);
  window.calls = result.calls;
  result.windows.push_back(window);
  return result;
}

inline LoadReport SampleReport(int64_t concurrency = 4) {
  LoadReport report;
  report.target = "localhost:1";
  report.what = "nt_xent";
  report.request_bytes = 500;
  report.levels.push_back(FiguresOf(SampleResult(concurrency), 500));
  return report;
}

}  // namespace lossd::load

#endif  // LOSSD_TESTS_CLIENT_LOAD_REPORT_SAMPLES_H_
