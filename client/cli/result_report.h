// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Shows what a computation returned.

#ifndef LOSSD_CLIENT_CLI_RESULT_REPORT_H_
#define LOSSD_CLIENT_CLI_RESULT_REPORT_H_

#include <nlohmann/json.hpp>
#include <ostream>

#include "client/cpp/compute_response.h"

namespace lossd::cli {

// Objective, outputs with their values, gradients with their norms, what is not finite, and timing if there is any.
void PrintResult(const client::ComputeResponse& response, std::ostream& out);

// The same as JSON. Numbers that JSON lacks are the strings "nan", "inf" and "-inf".
nlohmann::json ResultToJson(const client::ComputeResponse& response);

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_RESULT_REPORT_H_
