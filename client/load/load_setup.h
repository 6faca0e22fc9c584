// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Describes how a run was set up, so that reports of different set-ups are not taken for each other.

#ifndef LOSSD_CLIENT_LOAD_LOAD_SETUP_H_
#define LOSSD_CLIENT_LOAD_LOAD_SETUP_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lossd::load {

class LoadRequest;
struct LoadPlan;

// Everything of `plan` that figures depend on, by name: request, connections, threads, arrivals, windows; and of the
// server what it tells: version, devices, limits, and its flags where the metrics' address is known. Names for which
// there is no value are left out. Asks the server, for two seconds at most.
nlohmann::json SetupOf(const LoadPlan& plan, const LoadRequest& request);

// A line for each name that two set-ups have of different values: "threads: 1 in the baseline, 2 now". Names that only
// one has count as different, unless `before` is empty: an old report.
std::vector<std::string> SetupDifferences(const nlohmann::json& before, const nlohmann::json& now);

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_LOAD_SETUP_H_
