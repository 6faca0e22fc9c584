// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/golden/comparison.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/golden/golden_case.h"
#include "core/status/status_macros.h"

namespace lossd::cli {
namespace {

bool Agree(double got, double expected, Tolerance tolerance) {
  if (std::isnan(expected) || std::isnan(got)) return std::isnan(expected) && std::isnan(got);
  if (std::isinf(expected) || std::isinf(got)) return got == expected;
  return std::abs(got - expected) <= tolerance.atol + tolerance.rtol * std::abs(expected);
}

std::string Text(double value) { return std::isnan(value) ? "nan" : absl::StrFormat("%.9g", value); }

absl::Status CompareTensorBits(absl::string_view what, const std::vector<client::ResultTensor>& got,
                               const std::vector<client::ResultTensor>& expected) {
  if (got.size() != expected.size()) {
    return absl::OutOfRangeError(absl::StrFormat("%s: expected %d tensors, got %d", what, expected.size(), got.size()));
  }
  for (size_t i = 0; i < got.size(); ++i) {
    if (got[i].spec() != expected[i].spec() || got[i].bytes() != expected[i].bytes()) {
      return absl::OutOfRangeError(absl::StrFormat("%s: other bits in %s", what, expected[i].spec().name));
    }
  }
  return absl::OkStatus();
}

}  // namespace

Tolerance AdviceOf(const nlohmann::json& expectation) {
  if (!expectation.contains("fp64_check")) return {};
  const nlohmann::json& advice = expectation.at("fp64_check").at("advice");
  return {Number(advice.at("rtol")), Number(advice.at("atol"))};
}

absl::Status CompareElements(absl::string_view what, absl::Span<const double> got, absl::Span<const double> expected,
                             Tolerance tolerance) {
  if (got.size() != expected.size()) {
    return absl::OutOfRangeError(
        absl::StrFormat("%s: expected %d elements, got %d", what, expected.size(), got.size()));
  }
  size_t first = 0, differing = 0;
  for (size_t i = got.size(); i-- > 0;) {
    if (Agree(got[i], expected[i], tolerance)) continue;
    first = i;
    ++differing;
  }
  if (differing == 0) return absl::OkStatus();
  const double allowed = tolerance.atol + tolerance.rtol * std::abs(expected[first]);
  return absl::OutOfRangeError(absl::StrFormat(
      "%s[%d]: expected %s%s, got %s (%d of %d elements differ)", what, first, Text(expected[first]),
      std::isfinite(allowed) ? absl::StrFormat(" within %.3g", allowed) : "", Text(got[first]), differing, got.size()));
}

absl::Status CompareDigest(absl::string_view what, absl::Span<const double> got, const nlohmann::json& digest) {
  double sum = 0, abs_sum = 0, squares = 0, max_abs = 0, projection = 0;
  for (size_t k = 0; k < got.size(); ++k) {
    sum += got[k];
    abs_sum += std::abs(got[k]);
    squares += got[k] * got[k];
    max_abs = std::max(max_abs, std::abs(got[k]));
    const auto hash = static_cast<uint32_t>(k * uint64_t{2654435761});
    projection += got[k] * (hash / 4294967296.0 - 0.5);
  }
  const struct {
    const char* key;
    double value;
  } parts[] = {{"numel", static_cast<double>(got.size())},
               {"sum", sum},
               {"abs_sum", abs_sum},
               {"l2", std::sqrt(squares)},
               {"max_abs", max_abs},
               {"projection", projection}};
  for (const auto& [key, value] : parts) {
    Tolerance tolerance;
    if (digest.contains("advice_atol")) tolerance.atol = digest.at("advice_atol").value(key, 0.0);
    LOSSD_RETURN_IF_ERROR(
        CompareElements(absl::StrFormat("%s.%s", what, key), {value}, {Number(digest.at(key))}, tolerance));
  }
  return absl::OkStatus();
}

std::vector<double> StridedSample(absl::Span<const double> values, size_t stride, size_t count) {
  std::vector<double> sample(count);
  for (size_t k = 0; k < count; ++k) sample[k] = values[k * stride % values.size()];
  return sample;
}

absl::Status CompareBits(absl::string_view what, const client::ComputeResponse& got,
                         const client::ComputeResponse& expected) {
  if (std::bit_cast<uint64_t>(got.objective) != std::bit_cast<uint64_t>(expected.objective)) {
    return absl::OutOfRangeError(
        absl::StrFormat("%s: expected the objective %.17g, got %.17g", what, expected.objective, got.objective));
  }
  LOSSD_RETURN_IF_ERROR(CompareTensorBits(what, got.outputs, expected.outputs));
  return CompareTensorBits(what, got.gradients, expected.gradients);
}

absl::Status ExpectFinite(const client::ComputeResponse& response) {
  if (response.nonfinite.empty() && std::isfinite(response.objective)) return absl::OkStatus();
  return absl::OutOfRangeError(absl::StrFormat("expected a finite answer, got the objective %g; not finite: %s",
                                               response.objective, absl::StrJoin(response.nonfinite, ", ")));
}

}  // namespace lossd::cli
