// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "client/cli/golden/comparison.h"
#include "client/cli/golden/task_checks.h"
#include "client/cli/golden/tensor_values.h"

namespace lossd::cli {
namespace {

using nlohmann::json;

constexpr int kMaps = 10;  // Enough for every index of one digit.

// Ten maps of one element each on both sides.
client::ComputeRequest RequestFor(const std::string& comparisons) {
  static const float kElement = 1;
  client::FeatureMapContrastive loss;
  loss.comparisons = comparisons;
  loss.sampling = client::Seed{.torch_seed = 0, .numpy_seed = 0, .torch_skip = 0, .numpy_skip = 0};
  client::ComputeRequest request;
  request.loss = std::move(loss);
  request.gradients.mode = client::GradientOptions::Mode::kNone;
  for (const char* side : {"anchor.", "positive."}) {
    for (int i = 0; i < kMaps; ++i) {
      request.inputs.push_back(
          client::InputTensor::Borrow<float>(absl::StrCat(side, i), {1, 1, 1, 1}, absl::MakeConstSpan(&kElement, 1)));
    }
  }
  return request;
}

bool IsAscii(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isascii(static_cast<unsigned char>(c)); });
}

// The indices compared are those of the row; where the row has -1 (`r`), any of the maps.
absl::Status ExpectPairs(const json& row, const client::ComputeResponse& response) {
  std::vector<double> expected;
  for (const json& pair : row.at("result")) {
    for (const json& index : pair) expected.push_back(index.get<double>());
  }
  const client::ResultTensor* const tensor = response.output("comparisons");
  if (tensor == nullptr) return absl::OutOfRangeError("comparisons: missing in the answer");
  std::vector<double> got = ToDoubles(tensor->spec(), tensor->bytes());
  for (size_t i = 0; i < std::min(got.size(), expected.size()); ++i) {
    if (expected[i] == -1 && got[i] >= 0 && got[i] < kMaps) got[i] = -1;
  }
  return CompareElements("comparisons", got, expected, {});
}

absl::Status CheckRow(const json& row, Client& client) {
  const std::string comparisons = row.at("input");
  const auto response = client.Compute(RequestFor(comparisons));
  if (row.contains("result") && IsAscii(comparisons)) {
    return response.ok() ? ExpectPairs(row, *response) : response.status();
  }
  if (response.status().code() == absl::StatusCode::kInvalidArgument) return absl::OkStatus();
  return absl::OutOfRangeError(
      absl::StrCat("expected INVALID_ARGUMENT, got ", response.ok() ? "an answer" : StatusText(response.status())));
}

}  // namespace

Verdict CheckComparisonGrammar(const GoldenCase& golden, Client& client) {
  Findings findings;
  for (const json& row : golden.json.at("rows")) {
    const absl::Status status = CheckRow(row, client);
    if (status.ok()) continue;
    findings.Expect(absl::Status(status.code(), absl::StrCat("'", absl::CHexEscape(row.at("input").get<std::string>()),
                                                             "': ", status.message())));
  }
  findings.Note(absl::StrCat(golden.json.at("rows").size(), " rows"));
  return findings.Conclude(Outcome::kPassed);
}

}  // namespace lossd::cli
