// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The figures of a run, as they are printed, saved and compared.

#ifndef LOSSD_CLIENT_LOAD_LOAD_REPORT_H_
#define LOSSD_CLIENT_LOAD_LOAD_REPORT_H_

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/load/level_runner.h"

namespace lossd::load {

// Shares of calls for which latencies are given.
inline constexpr double kShares[] = {0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999, 1};

// Percentiles in milliseconds, as long as kShares, and the mean; all 0 where there are no samples.
struct LatencyFigures {
  std::vector<double> percentiles;
  double mean = 0;
  int64_t samples = 0;

  // In milliseconds, of a share that is one of kShares, to the bit; throws std::out_of_range for another.
  double At(double share) const;
  // Whether enough was sampled for that percentile: at least one value lies beyond it, 10,000 samples for p99.99. Below
  // that it is the maximum under another name.
  bool Supports(double share) const;
};

// A window of a level, in the order of time.
struct WindowFigures {
  double start = 0;             // Seconds.
  double calls_per_second = 0;  // Successful answers that came in it.
  double p50 = 0;               // Milliseconds.
  double p99 = 0;
  double seconds = 0;
  double offered_per_second = 0;
  double p90 = 0;
  double p999 = 0;
  int64_t calls = 0;  // Successful ones that were due in it.
  int64_t skipped = 0;
  std::map<std::string, int64_t> errors;  // By code.
  bool counts = true;                     // Whether the level's figures contain it.
};

// Failed calls of one code. Times are milliseconds from the intended start to the failure.
struct ErrorFigures {
  int64_t calls = 0;
  std::string example;
  double p50 = 0;
  double p99 = 0;
  double max = 0;
};

// A level. Rates are a second of `seconds`, which are those of the windows that count.
struct LevelFigures {
  std::string name;  // "concurrency 16", "rate 100": what levels of two runs are matched by.
  bool open = false;
  double load = 0;  // Calls outstanding, or calls per second.
  double seconds = 0;
  int64_t succeeded = 0;
  int64_t failed = 0;
  int64_t skipped = 0;
  int64_t unstarted = 0;          // Of those skipped: still to be started at the end.
  double offered_per_second = 0;  // All calls that were due; in a closed loop, all that ended.
  double goodput_per_second = 0;  // Successful answers that came within `seconds`, whenever their calls were due.
  double sent_mb_per_second = 0;  // Of successful calls, in 10^6 bytes.
  double received_mb_per_second = 0;
  double error_rate = 0;
  LatencyFigures latency;  // From the intended start.
  // Latency from the intended start at shares closer and closer to 1, as far as there are calls beyond them.
  std::vector<std::pair<double, double>> curve;
  LatencyFigures service;                      // From the actual start.
  LatencyFigures lag;                          // From the intended start to the actual one, of calls that had room.
  std::map<std::string, ErrorFigures> errors;  // By code.
  std::vector<WindowFigures> windows;
  std::map<std::string, double> server_stages;  // Mean milliseconds; empty where metrics were not read.
  bool stable = true;
  double busiest_thread = 0;  // Of this client; 1 is a whole processor.
  int64_t checked = 0;
  int64_t different = 0;
  int64_t provoked = 0;       // Failed calls that chaos made fail.
  int64_t disturbances = 0;   // What chaos did: calls, connections or reads.
  std::string missed;         // Which objective was missed, and by how much; empty: none.
  bool interrupted = false;   // Ended early.
  bool lost = false;          // Likewise, because all connections were down.
  int64_t withdrawn = 0;      // Calls that were under way then: cancelled, and in no other figure.
  int64_t late_failed = 0;    // Calls that were under way at the end, and failed later.
  std::string metrics_error;  // Why the server's stages are not known, where its metrics were asked for.
  double late_longest = 0;    // Milliseconds that the longest of those under way at the end took, failed or not.

  // What to doubt about the figures, a sentence each: interrupted or lost, unstable, late starts, a busy client,
  // skipped arrivals, calls that ended after the level. Empty: nothing.
  std::vector<std::string> Doubts() const;
};

// A run: what was asked, of whom, and what came of it, level by level as they were run.
struct LoadReport {
  std::string target;
  std::string what;  // The loss and its inputs, in words.
  int64_t request_bytes = 0;
  std::vector<LevelFigures> levels;
  // With a search: the highest load that met the objectives, up to an interruption; absent: none did.
  std::optional<double> highest;
  bool searched = false;
  bool interrupted = false;                         // Levels that were still to come are missing.
  nlohmann::json setup = nlohmann::json::object();  // As SetupOf gives it; empty in reports of older versions.
  nlohmann::json run = nlohmann::json::object();    // When it was, by which client, command line and objectives.
  std::string chaos_deeds;                          // What disturbances are, where there was chaos.
  std::string ill;                                  // Why a call after the chaos failed; empty: it did not.
};

// A search's outcome in words: the load, none, or what is known so far; and whether its p99 rests on few calls.
std::string HighestInWords(const LoadReport& report);
// Why answers may differ from a local computation although the server is right: another device or precision. Empty
// where none differ or that is not known.
std::string WhyDifferent(const LoadReport& report);

// The figures of what was recorded. `request_bytes`: of a message.
LatencyFigures FiguresOf(const Histogram& histogram);
LevelFigures FiguresOf(const LevelResult& result, int64_t request_bytes);

// What --json saves, and a baseline is read from.
nlohmann::json ToJson(const LoadReport& report);
// INVALID_ARGUMENT for JSON that ToJson did not make.
absl::StatusOr<LoadReport> ReportFromJson(const std::string& text);

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_LOAD_REPORT_H_
