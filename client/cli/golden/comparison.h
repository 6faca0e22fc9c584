// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Compares what a server answered with what a golden case expects.

#ifndef LOSSD_CLIENT_CLI_GOLDEN_COMPARISON_H_
#define LOSSD_CLIENT_CLI_GOLDEN_COMPARISON_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "client/cpp/compute_response.h"

namespace lossd::cli {

// Elements agree where |got - expected| <= atol + rtol * |expected|, both are NaN, or both are the same infinity.
struct Tolerance {
  double rtol = 0;
  double atol = 0;
};

// The `fp64_check.advice` of an expectation; without one, exactly equal.
Tolerance AdviceOf(const nlohmann::json& expectation);

// OK if all elements agree; else OUT_OF_RANGE with the first that does not, and how many.
absl::Status CompareElements(absl::string_view what, absl::Span<const double> got, absl::Span<const double> expected,
                             Tolerance tolerance);

// Compares with a digest over the whole tensor: {numel, sum, abs_sum, l2, max_abs, projection, advice_atol}, where
// projection = sum_k got[k] * (((k * 2654435761) mod 2^32) / 2^32 - 0.5).
absl::Status CompareDigest(absl::string_view what, absl::Span<const double> got, const nlohmann::json& digest);

// Elements (k * stride) mod size for k = 0 ... count - 1. Precondition: `values` is not empty.
std::vector<double> StridedSample(absl::Span<const double> values, size_t stride, size_t count);

// OK if objective, outputs and gradients are equal byte for byte; else OUT_OF_RANGE with the first that is not.
absl::Status CompareBits(absl::string_view what, const client::ComputeResponse& got,
                         const client::ComputeResponse& expected);

// OUT_OF_RANGE where the answer names something that is not finite, or the objective is not.
absl::Status ExpectFinite(const client::ComputeResponse& response);

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_GOLDEN_COMPARISON_H_
