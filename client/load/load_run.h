// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Runs a whole load test, from connecting to the report.

#ifndef LOSSD_CLIENT_LOAD_LOAD_RUN_H_
#define LOSSD_CLIENT_LOAD_LOAD_RUN_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cpp/compute_request.h"
#include "client/load/chaos.h"
#include "client/load/level_runner.h"
#include "client/load/load_engine.h"
#include "client/load/load_report.h"
#include "client/load/load_search.h"

namespace lossd::load {

// What a level must keep to.
struct Objectives {
  // Latency from the intended start: the longest at each of kShares.
  std::map<double, absl::Duration> latency = {};
  double max_error_rate = 0.001;  // Failed and skipped calls, as a share of all (Recording::ErrorRate).
};

// What to do. A plain value: lossctl checks what flags may say.
struct LoadPlan {
  client::ComputeRequest request;  // Every input has an owner.
  std::string what;                // It in words.
  EngineOptions engine;            // engine.client.timeout is each call's.
  std::vector<Level> levels;       // One after the other; with a search, the first says what is searched.
  MeasureOptions measure;
  Objectives objectives;
  std::optional<SearchRange> search;  // For the highest load that meets the objectives.
  std::optional<ChaosKind> chaos;
  uint64_t seed = 0;         // Of arrivals and chaos.
  int64_t verify_every = 0;  // Compare one of so many answers with a local computation; 0: none.
  std::vector<std::pair<std::string, std::string>> metadata;  // Sent with each call or stream.
  std::string metrics_url;                                    // Of the server; empty: not read.
  std::vector<std::string> command_line;                      // That asked for it, for the report.
};

// Which of the objectives a level missed first, with its figure: "p99 30.1 ms, expected at most 20 ms"; empty: none.
// Answers that differ, and a level without any success that chaos does not explain, miss, too.
std::string Missed(const LevelFigures& level, const Objectives& objectives);

// Runs `plan`, and blocks until that is done:
//   1. encodes the request; computes it here, if answers are to be verified;
//   2. connects, reads the server's metrics, makes one call, asks what the server is;
//   3. runs the levels one after the other, or those of the search;
//   4. after chaos, makes one call in peace (LoadReport::ill).
// Once it measures, whatever the server does are figures. An error before that: where there is no connection, the
// request cannot be made or is none that the server takes, or metrics cannot be read. `progress` is told of each
// window, on this thread; may be empty. `stop` ends it early, with what was measured so far.
absl::StatusOr<LoadReport> RunLoad(const LoadPlan& plan, StopSignal& stop,
                                   const std::function<void(const Level&, const Window&)>& progress);

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_LOAD_RUN_H_
