// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/security/auth_tokens.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

auto IsRefused(const std::string& got) { return StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("got " + got)); }

TEST(AuthTokensTest, TakesEveryTokenOfTheTextAndNoOther) {
  AuthTokens tokens;
  ASSERT_OK(tokens.Replace("# of the trainers\n\n first \r\n#second\nthird=="));
  EXPECT_OK(tokens.Check("Bearer first"));
  EXPECT_OK(tokens.Check("Bearer third=="));
  EXPECT_OK(tokens.Check("bearer  third== "));  // The scheme's name has no case.
  for (const char* token : {"second", "#second", "firs", "first1", "f", "", "first third==", "First"}) {
    EXPECT_THAT(tokens.Check(absl::StrCat("Bearer ", token)), IsRefused("another token")) << token;
  }
}

TEST(AuthTokensTest, EveryByteOfATokenCounts) {
  const std::string token(64, 'x');
  AuthTokens tokens;
  ASSERT_OK(tokens.Replace(token));
  for (size_t i = 0; i < token.size(); ++i) {
    std::string other = token;
    other[i] = 'y';
    EXPECT_THAT(tokens.Check("Bearer " + other), IsRefused("another token")) << i;
  }
}

TEST(AuthTokensTest, OtherSchemesAreRefused) {
  AuthTokens tokens;
  ASSERT_OK(tokens.Replace("secret"));
  for (const char* header : {"", "secret", "Basic secret", "Bearer", "Bearersecret"}) {
    EXPECT_THAT(tokens.Check(header), IsRefused("another scheme")) << header;
  }
}

TEST(AuthTokensTest, RefusalsSayNothingOfWhatWasShownOrExpected) {
  AuthTokens tokens;
  ASSERT_OK(tokens.Replace("expected-secret"));
  for (const char* header : {"Bearer shown-secret", "shown-secret"}) {
    const std::string text(tokens.Check(header).message());
    EXPECT_THAT(text, AllOf(Not(HasSubstr("-secret")), HasSubstr("Bearer <token>")));
  }
}

TEST(AuthTokensTest, ReplacesAllTokensOrNone) {
  AuthTokens tokens;
  ASSERT_OK(tokens.Replace("old"));
  ASSERT_OK(tokens.Replace("old\nnew"));
  EXPECT_OK(tokens.Check("Bearer old"));
  ASSERT_OK(tokens.Replace("new"));
  EXPECT_THAT(tokens.Check("Bearer old"), IsRefused("another token"));
  for (const char* text : {"", "# nothing\n\n", "newer\ntwo words", "newer\n\xef\xbb\xbf", "newer\na\x01"}) {
    EXPECT_FALSE(tokens.Replace(text).ok()) << text;
    EXPECT_OK(tokens.Check("Bearer new"));
    EXPECT_THAT(tokens.Check("Bearer newer"), IsRefused("another token"));
  }
}

TEST(AuthTokensTest, TextThatIsRefusedIsToldByTheNumberOfALineAlone) {
  AuthTokens tokens;
  EXPECT_THAT(tokens.Replace("#\nsecret words"),
              StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr("line 2"), Not(HasSubstr("secret")))));
  EXPECT_THAT(tokens.Replace("#"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("got 0")));
}

TEST(AuthTokensTest, TakesAsManyTokensAsACallIsComparedWithQuickly) {
  AuthTokens tokens;
  std::string text;
  for (size_t i = 0; i < AuthTokens::kMaxTokens; ++i) absl::StrAppend(&text, "token", i, "\n");
  ASSERT_OK(tokens.Replace(text));
  EXPECT_OK(tokens.Check(absl::StrCat("Bearer token", AuthTokens::kMaxTokens - 1)));
  EXPECT_THAT(tokens.Replace(text + "more"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1 to 64 tokens, got 65")));
}

}  // namespace
}  // namespace lossd
