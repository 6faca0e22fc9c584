// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/golden/golden_case.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "client/npy/npy.h"

namespace lossd::cli {
namespace {

std::string Text(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

bool GoldenCase::Has(const std::string& file) const {
  std::error_code error;
  return std::filesystem::exists(std::filesystem::path(folder) / file, error);
}

absl::StatusOr<Tensor> GoldenCase::Load(const std::string& file, const std::string& tensor_name) const {
  return ReadNpy((std::filesystem::path(folder) / file).string(), tensor_name);
}

absl::StatusOr<GoldenCase> LoadGoldenCase(const std::string& folder) {
  const std::string path = (std::filesystem::path(folder) / "case.json").string();
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  nlohmann::json json = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return absl::InvalidArgumentError(absl::StrCat(path, ": expected a JSON object"));
  GoldenCase result{folder, Text(json, "name"), Text(json, "task"), Text(json, "compare"), std::move(json)};
  if (result.name.empty() || result.task.empty() || result.compare.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": expected the strings name, task and compare"));
  }
  return result;
}

absl::StatusOr<std::vector<std::string>> ListGoldenCases(const std::string& directory) {
  std::error_code error;
  const std::filesystem::file_status kind = std::filesystem::status(directory, error);
  if (!std::filesystem::exists(kind)) {
    const bool absent = error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
    return absl::NotFoundError(absl::StrCat(directory, ": ", absent ? "no such folder" : error.message()));
  }
  if (!std::filesystem::is_directory(kind)) {
    return absl::NotFoundError(absl::StrCat(directory, ": expected a folder, got another kind of file"));
  }
  const std::filesystem::path lone = std::filesystem::path(directory) / "case.json";
  if (std::filesystem::exists(lone, error)) {
    return std::vector<std::string>{std::filesystem::canonical(directory, error).string()};
  }
  std::vector<std::string> folders;
  std::filesystem::directory_iterator entries(directory, error);
  if (error) return absl::NotFoundError(absl::StrCat(directory, ": ", error.message()));
  for (const auto& entry : entries) {
    if (std::filesystem::exists(entry.path() / "case.json", error)) folders.push_back(entry.path().string());
  }
  if (folders.empty()) return absl::NotFoundError(absl::StrCat(directory, ": no folder with a case.json in it"));
  std::sort(folders.begin(), folders.end());
  return folders;
}

double Number(const nlohmann::json& value) {
  if (value == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (value == "inf") return std::numeric_limits<double>::infinity();
  if (value == "-inf") return -std::numeric_limits<double>::infinity();
  return value.get<double>();
}

}  // namespace lossd::cli
