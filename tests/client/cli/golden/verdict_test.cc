// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/golden/verdict.h"

#include "gtest/gtest.h"

namespace lossd::cli {
namespace {

TEST(FindingsTest, ConcludesWithNotesWhereNothingIsWrong) {
  Findings findings;
  EXPECT_TRUE(findings.Expect(absl::OkStatus()));
  findings.Note("positions");
  findings.Note("seed");
  const Verdict verdict = findings.Conclude(Outcome::kPassed);
  EXPECT_EQ(verdict.outcome, Outcome::kPassed);
  EXPECT_EQ(verdict.detail, "positions; seed");
}

TEST(FindingsTest, FailsWithTheFirstProblems) {
  Findings findings;
  findings.Note("seed");
  EXPECT_FALSE(findings.Expect(absl::UnavailableError("gone")));
  for (const char* text : {"a differs", "b differs", "c differs"}) findings.Expect(absl::OutOfRangeError(text));
  const Verdict verdict = findings.Conclude(Outcome::kPassed);
  EXPECT_EQ(verdict.outcome, Outcome::kFailed);
  EXPECT_EQ(verdict.detail, "UNAVAILABLE: gone; a differs; b differs; and 1 more");
}

TEST(OutcomeNameTest, NamesAll) {
  EXPECT_EQ(OutcomeName(Outcome::kPassed), "passed");
  EXPECT_EQ(OutcomeName(Outcome::kFailed), "failed");
  EXPECT_EQ(OutcomeName(Outcome::kRefused), "refused as expected");
  EXPECT_EQ(OutcomeName(Outcome::kInformative), "informative");
  EXPECT_EQ(OutcomeName(Outcome::kSkipped), "skipped");
}

}  // namespace
}  // namespace lossd::cli
