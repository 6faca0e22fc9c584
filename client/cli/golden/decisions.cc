// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/golden/decisions.h"

#include <algorithm>
#include <iterator>

namespace lossd::cli {
namespace {

struct NamedDecision {
  absl::string_view name;
  Decision decision;
};

constexpr NamedDecision kErrorCases[] = {
    {"fm_err_01_02_three_maps", {Rule::kAnswer, "more maps than comparisons are fine"}},
    {"fm_err_nonsquare_3x5", {Rule::kAnswer, "maps need not be square"}},
    {"fm_err_nonsquare_1x5", {Rule::kAnswer, "maps need not be square"}},
    {"fm_fp16_direct_error", {Rule::kAnswer, "16-bit inputs are widened"}},
    {"cpc_err_nan", {Rule::kAnswer, "NaN is computed with and named"}},
    {"cpc_err_channels", {Rule::kAnswer, "the channels are read off z"}},
    {"fm_tclip_none_error", {Rule::kSkip, "None has no counterpart on the wire"}},
    {"fm_err_tuple_plus_list", {Rule::kSkip, "tuples and lists have no counterpart on the wire"}},
    {"fm_err_bare_tensor", {Rule::kSkip, "a bare tensor has no counterpart on the wire"}},
    {"fm_err_bare_tensor_b1", {Rule::kSkip, "a bare tensor has no counterpart on the wire"}},
};

}  // namespace

Decision DecisionFor(const GoldenCase& golden) {
  if (golden.compare == "must_match") return {Rule::kMatch, ""};
  if (golden.compare == "must_match_or_reject") return {Rule::kMatchOrRefuse, ""};
  if (golden.compare == "informative") return {Rule::kInform, ""};
  if (golden.compare != "error") return {Rule::kSkip, "not a comparison of results"};
  const auto* const found = std::find_if(std::begin(kErrorCases), std::end(kErrorCases),
                                         [&](const NamedDecision& named) { return named.name == golden.name; });
  return found == std::end(kErrorCases) ? Decision{Rule::kRefuse, ""} : found->decision;
}

}  // namespace lossd::cli
