// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/golden/decisions.h"

#include "gtest/gtest.h"

namespace lossd::cli {
namespace {

Rule RuleFor(const std::string& compare, const std::string& name = "x") {
  return DecisionFor({"", name, "FeatureMapContrastiveTask", compare, {}}).rule;
}

TEST(DecisionForTest, FollowsTheCase) {
  EXPECT_EQ(RuleFor("must_match"), Rule::kMatch);
  EXPECT_EQ(RuleFor("must_match_or_reject"), Rule::kMatchOrRefuse);
  EXPECT_EQ(RuleFor("informative"), Rule::kInform);
  EXPECT_EQ(RuleFor("table"), Rule::kSkip);
}

TEST(DecisionForTest, RefusesErrorsUnlessTheirMeaningIsClear) {
  EXPECT_EQ(RuleFor("error", "fm_err_b0"), Rule::kRefuse);
  EXPECT_EQ(RuleFor("error", "never heard of"), Rule::kRefuse);
  EXPECT_EQ(RuleFor("error", "fm_err_nonsquare_3x5"), Rule::kAnswer);
  EXPECT_EQ(RuleFor("error", "cpc_err_nan"), Rule::kAnswer);
  EXPECT_EQ(RuleFor("error", "fm_err_bare_tensor"), Rule::kSkip);
}

}  // namespace
}  // namespace lossd::cli
