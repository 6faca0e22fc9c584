// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Reads from a server's metrics where its time went.

#ifndef LOSSD_CLIENT_LOAD_SERVER_STAGES_H_
#define LOSSD_CLIENT_LOAD_SERVER_STAGES_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace lossd::load {

// Sums of lossd_stage_seconds since the server's start, over all devices: of one stage, and of how many computations.
struct StageSum {
  double seconds = 0;
  double count = 0;
};
using StageSums = std::map<std::string, StageSum>;  // By stage: decode, queue, compute, encode.

// Whether a text in Prometheus' format has a series of lossd's; a server has some from its start.
bool HasMetricsOfLossd(absl::string_view metrics);

// Reads Prometheus' text format; lines that are none of these, or have no number, are passed over. Stages are taken as
// they are named, known or not.
StageSums ParseStages(absl::string_view metrics);

// Mean time in each stage between two readings of one server, for all its callers; stages in which nothing passed are
// left out.
std::map<std::string, absl::Duration> MeanStages(const StageSums& before, const StageSums& after);

// "http://host:port/path", with /metrics where `url` names no path. INVALID_ARGUMENT where it is no such address.
absl::StatusOr<std::string> MetricsUrl(absl::string_view url);

// Fetches http://host:port/path, by HTTP/1.0, without TLS or redirections; waits five seconds at most for each piece.
// UNAVAILABLE or INVALID_ARGUMENT naming the address.
absl::StatusOr<std::string> FetchText(const std::string& url);

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_SERVER_STAGES_H_
