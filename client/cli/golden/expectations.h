// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Holds an answer against the values that a golden case stores.

#ifndef LOSSD_CLIENT_CLI_GOLDEN_EXPECTATIONS_H_
#define LOSSD_CLIENT_CLI_GOLDEN_EXPECTATIONS_H_

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/string_view.h"
#include "client/cli/golden/golden_case.h"
#include "client/cli/golden/verdict.h"
#include "client/cpp/compute_response.h"

namespace lossd::cli {

// The output called `name` against `expectation`: {file, ..., fp64_check}. Where the case stores no tolerance of its
// own, that of INDEX.md for values without one: rtol 1e-5, atol 1e-6.
void ExpectOutput(const GoldenCase& golden, absl::string_view name, const nlohmann::json& expectation,
                  const client::ComputeResponse& response, Findings& findings);

// The first as many elements of the output as it has; the case may store more.
void ExpectOutputPrefix(const GoldenCase& golden, absl::string_view name, const nlohmann::json& expectation,
                        const client::ComputeResponse& response, Findings& findings);

// The objective against a scalar expectation.
void ExpectObjective(const GoldenCase& golden, const nlohmann::json& expectation,
                     const client::ComputeResponse& response, Findings& findings);

// Each gradient of the list `expectations`, stored in full, as a strided sample or as a digest, against the gradient
// that `wire_name` gives for its name. Where the exact gradient is zero (`rounding_noise_only`), all elements are held
// against zero.
void ExpectGradients(const GoldenCase& golden, const nlohmann::json& expectations,
                     const std::function<std::string(const std::string&)>& wire_name,
                     const client::ComputeResponse& response, Findings& findings);

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_GOLDEN_EXPECTATIONS_H_
