// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "client/cli/golden/task_checks.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/golden/fake_client.h"

namespace lossd::cli {
namespace {

using ::testing::HasSubstr;

// Answers each row of the table as it says, with `random` in place of `r`; rows in other scripts are refused.
absl::StatusOr<client::ComputeResponse> Answer(const GoldenCase& golden, const client::ComputeRequest& request,
                                               int32_t random) {
  const std::string& comparisons = std::get<client::FeatureMapContrastive>(request.loss).comparisons;
  const bool ascii = std::all_of(comparisons.begin(), comparisons.end(), [](char c) { return c >= 0; });
  for (const auto& row : golden.json.at("rows")) {
    if (row.at("input") != comparisons || !row.contains("result") || !ascii) continue;
    std::vector<int32_t> pairs;
    for (const auto& pair : row.at("result")) {
      for (const auto& index : pair) pairs.push_back(index == -1 ? random : index.get<int32_t>());
    }
    client::ComputeResponse response;
    response.outputs.push_back(MakeIntegers("comparisons", pairs));
    return response;
  }
  return absl::InvalidArgumentError("loss.feature_map_contrastive.comparisons: no");
}

TEST(CheckComparisonGrammarTest, PassesTheReferencesGrammar) {
  const GoldenCase golden = StoredCase("fm_parse_table");
  FakeClient client([&](const client::ComputeRequest& request) { return Answer(golden, request, 7); });
  const Verdict verdict = CheckComparisonGrammar(golden, client);
  EXPECT_EQ(verdict.outcome, Outcome::kPassed) << verdict.detail;
  EXPECT_EQ(verdict.detail, "34 rows");
}

TEST(CheckComparisonGrammarTest, RandomIndicesMustBeOfAMap) {
  const GoldenCase golden = StoredCase("fm_parse_table");
  FakeClient client([&](const client::ComputeRequest& request) { return Answer(golden, request, 10); });
  EXPECT_THAT(CheckComparisonGrammar(golden, client).detail, HasSubstr("'0r': comparisons[1]"));
}

TEST(CheckComparisonGrammarTest, FailsOnRowsThatShouldBeRefused) {
  FakeClient client([](const client::ComputeRequest&) { return client::ComputeResponse(); });
  const Verdict verdict = CheckComparisonGrammar(StoredCase("fm_parse_table"), client);
  EXPECT_EQ(verdict.outcome, Outcome::kFailed);
  EXPECT_THAT(verdict.detail, HasSubstr("comparisons: missing"));
}

}  // namespace
}  // namespace lossd::cli
