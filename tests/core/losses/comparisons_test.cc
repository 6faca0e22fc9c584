// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/comparisons.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "core/status/errors.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::absl::StatusCode;
using ::lossd::testing::StatusIs;
using ::testing::ElementsAre;

constexpr std::nullopt_t r = std::nullopt;

std::string Refusal(const std::string& quoted) {
  return "loss.feature_map_contrastive.comparisons: expected pairs such as 01, r1 or 10:12, separated by commas, got " +
         quoted;
}

TEST(ParseComparisonsTest, ReadsTheReferencesGrammar) {
  EXPECT_THAT(*ParseComparisons("00, 11"), ElementsAre(Comparison{0, 0}, Comparison{1, 1}));
  EXPECT_THAT(*ParseComparisons("0r,r1 ,\trr\n"), ElementsAre(Comparison{0, r}, Comparison{r, 1}, Comparison{r, r}));
}

TEST(ParseComparisonsTest, ReadsIndicesAboveNineWithAColon) {
  EXPECT_THAT(*ParseComparisons("10:12, 10:r, r:3, 1:2"),
              ElementsAre(Comparison{10, 12}, Comparison{10, r}, Comparison{r, 3}, Comparison{1, 2}));
}

TEST(ParseComparisonsTest, RefusesWhatIsNoPair) {
  for (const char* text : {"", " ", "0", "012", "0 1", "-1", "R1", "0x", "1:", ":1", "01:2", "1:2:3", "1 :2", "+1:2",
                           "1000000:1", "1.0"}) {
    EXPECT_THAT(ParseComparisons(text), StatusIs(StatusCode::kInvalidArgument,
                                                 Refusal(absl::StrCat("\"", absl::StripAsciiWhitespace(text), "\""))))
        << text;
  }
  EXPECT_THAT(ParseComparisons("01,"), StatusIs(StatusCode::kInvalidArgument, Refusal("\"\"")));
  EXPECT_EQ(GetFieldViolation(ParseComparisons("").status())->field, "loss.feature_map_contrastive.comparisons");
}

TEST(ParseComparisonsTest, QuotesFaultyTextSafely) {
  EXPECT_THAT(ParseComparisons("\xd9\xa1\xd9\xa2"),
              StatusIs(StatusCode::kInvalidArgument, Refusal("\"\\xd9\\xa1\\xd9\\xa2\"")));
  EXPECT_THAT(ParseComparisons(std::string(1000, 'x')),
              StatusIs(StatusCode::kInvalidArgument, Refusal("\"" + std::string(32, 'x') + "...\"")));
}

TEST(ParseComparisonsTest, TakesAtMost256Pairs) {
  std::string text = "00";
  for (int i = 1; i < 256; ++i) text += ",00";
  EXPECT_EQ(ParseComparisons(text)->size(), 256u);
  EXPECT_THAT(ParseComparisons(text + ",00"),
              StatusIs(StatusCode::kInvalidArgument,
                       "loss.feature_map_contrastive.comparisons: expected at most 256 pairs, got 257"));
}

TEST(ParseComparisonsTest, TakesAtMost8192Characters) {
  EXPECT_OK(ParseComparisons("00" + std::string(8190, ' ')));
  EXPECT_THAT(ParseComparisons("00" + std::string(8191, ' ')),
              StatusIs(StatusCode::kInvalidArgument,
                       "loss.feature_map_contrastive.comparisons: expected at most 8192 characters, got 8193"));
}

TEST(ComparisonsTextTest, IsTheSameForEqualPairs) {
  EXPECT_EQ(ComparisonsText(*ParseComparisons(" 01,r:10 , 0r")), "0:1,r:10,0:r");
  EXPECT_EQ(ComparisonsText(*ParseComparisons("1:1")), ComparisonsText(*ParseComparisons("11")));
  EXPECT_NE(ComparisonsText(*ParseComparisons("1:10")), ComparisonsText(*ParseComparisons("11,0:0")));
}

}  // namespace
}  // namespace lossd
