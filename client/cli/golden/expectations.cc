// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/golden/expectations.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/golden/comparison.h"
#include "client/cli/golden/tensor_values.h"
#include "core/status/status_macros.h"

namespace lossd::cli {
namespace {

using nlohmann::json;

constexpr Tolerance kOutputTolerance = {1e-5, 1e-6};
constexpr Tolerance kGradientTolerance = {1e-4, 4e-6};  // The second times the tensor's largest element.

absl::StatusOr<std::vector<double>> LoadValues(const GoldenCase& golden, const std::string& file) {
  LOSSD_ASSIGN_OR_RETURN(const Tensor tensor, golden.Load(file, file));
  return ToDoubles(tensor.spec(), {tensor.bytes(), static_cast<size_t>(tensor.byte_size())});
}

absl::StatusOr<std::vector<double>> ValuesOf(const client::ResultTensor* tensor, absl::string_view what) {
  if (tensor == nullptr) return absl::OutOfRangeError(absl::StrCat(what, ": missing in the answer"));
  return ToDoubles(tensor->spec(), tensor->bytes());
}

Tolerance OutputTolerance(const json& expectation) {
  return expectation.contains("fp64_check") ? AdviceOf(expectation) : kOutputTolerance;
}

Tolerance GradientTolerance(const json& expectation, const std::vector<double>& expected) {
  if (expectation.contains("fp64_check")) return AdviceOf(expectation);
  double largest = 0;
  for (const double value : expected) {
    if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  }
  return {kGradientTolerance.rtol, kGradientTolerance.atol * largest};
}

// Whether the exact gradient is zero, so that what is stored is the reference's rounding noise. The tolerance bounds an
// element's noise; signed sums of noise are nobody's to match.
bool IsRoundingNoise(const json& expectation) {
  return expectation.contains("fp64_check") && expectation.at("fp64_check").value("rounding_noise_only", false);
}

absl::Status CompareOutput(const GoldenCase& golden, absl::string_view name, const json& expectation,
                           const client::ComputeResponse& response, bool prefix) {
  LOSSD_ASSIGN_OR_RETURN(const std::vector<double> got, ValuesOf(response.output(name), name));
  LOSSD_ASSIGN_OR_RETURN(std::vector<double> expected, LoadValues(golden, expectation.at("file")));
  if (prefix && expected.size() > got.size()) expected.resize(got.size());
  return CompareElements(name, got, expected, OutputTolerance(expectation));
}

absl::Status CompareGradient(const GoldenCase& golden, const std::string& name, const json& expectation,
                             const client::ComputeResponse& response) {
  const std::string what = absl::StrCat("gradient ", name);
  LOSSD_ASSIGN_OR_RETURN(std::vector<double> got, ValuesOf(response.gradient(name), what));
  if (IsRoundingNoise(expectation)) {
    return CompareElements(what, got, std::vector<double>(got.size(), 0.0), AdviceOf(expectation));
  }
  if (expectation.contains("digest")) {
    LOSSD_RETURN_IF_ERROR(CompareDigest(what, got, expectation.at("digest")));
  }
  std::string file = expectation.value("file", "");
  if (expectation.contains("sample_file")) {
    file = expectation.at("sample_file");
    got = StridedSample(got, expectation.at("sample_stride"), expectation.at("sample_count"));
  }
  if (file.empty()) return absl::OkStatus();
  LOSSD_ASSIGN_OR_RETURN(const std::vector<double> expected, LoadValues(golden, file));
  return CompareElements(what, got, expected, GradientTolerance(expectation, expected));
}

}  // namespace

void ExpectOutput(const GoldenCase& golden, absl::string_view name, const json& expectation,
                  const client::ComputeResponse& response, Findings& findings) {
  findings.Expect(CompareOutput(golden, name, expectation, response, /*prefix=*/false));
}

void ExpectOutputPrefix(const GoldenCase& golden, absl::string_view name, const json& expectation,
                        const client::ComputeResponse& response, Findings& findings) {
  findings.Expect(CompareOutput(golden, name, expectation, response, /*prefix=*/true));
}

void ExpectObjective(const GoldenCase& golden, const json& expectation, const client::ComputeResponse& response,
                     Findings& findings) {
  const auto expected = LoadValues(golden, expectation.at("file"));
  if (!findings.Expect(expected.status())) return;
  findings.Expect(CompareElements("objective", {response.objective}, *expected, OutputTolerance(expectation)));
}

void ExpectGradients(const GoldenCase& golden, const json& expectations,
                     const std::function<std::string(const std::string&)>& wire_name,
                     const client::ComputeResponse& response, Findings& findings) {
  for (const json& expectation : expectations) {
    findings.Expect(CompareGradient(golden, wire_name(expectation.at("name")), expectation, response));
  }
}

}  // namespace lossd::cli
