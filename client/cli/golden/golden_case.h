// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Reads golden cases: folders with a case.json and .npy files, as tests/golden/INDEX.md describes them.

#ifndef LOSSD_CLIENT_CLI_GOLDEN_GOLDEN_CASE_H_
#define LOSSD_CLIENT_CLI_GOLDEN_GOLDEN_CASE_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cpp/compute_request.h"
#include "core/tensor/tensor.h"

namespace lossd::cli {

// One case. Plain values; accessors of `json` throw nlohmann::json::exception where a case is malformed, which is
// caught where cases are dispatched (check_case.cc).
struct GoldenCase {
  std::string folder;
  std::string name;
  std::string task;     // "FeatureMapContrastiveTask", "CPCTask", "nt_xent_loss", ...
  std::string compare;  // "must_match", "must_match_or_reject", "informative", "error", "table", "parameters".
  nlohmann::json json;

  bool Has(const std::string& file) const;
  // Reads `file` of the folder as tensor `tensor_name`.
  absl::StatusOr<Tensor> Load(const std::string& file, const std::string& tensor_name) const;
};

// NOT_FOUND or INVALID_ARGUMENT, naming the file.
absl::StatusOr<GoldenCase> LoadGoldenCase(const std::string& folder);

// The folders in `directory` that hold a case.json, sorted by name. NOT_FOUND if there are none.
absl::StatusOr<std::vector<std::string>> ListGoldenCases(const std::string& directory);

// A number of a case: also the strings "nan", "inf" and "-inf". Throws nlohmann::json::type_error for other things.
double Number(const nlohmann::json& value);

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_GOLDEN_GOLDEN_CASE_H_
