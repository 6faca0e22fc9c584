// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/load_search.h"

#include <cmath>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd::load {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::_;
using ::testing::Optional;

TEST(LoadSearchTest, FindsEveryWholeLimit) {
  for (int limit = 1; limit <= 100; ++limit) {
    const auto found = FindHighestLoad({1, 64, 0, true}, [&](double load) { return load <= limit; });
    ASSERT_OK(found);
    EXPECT_THAT(*found, Optional(std::min(limit, 64)));
  }
}

TEST(LoadSearchTest, FindsARateToItsResolution) {
  const auto found = FindHighestLoad({10, 10000, 0.02}, [](double load) { return load <= 777; });
  ASSERT_OK(found);
  ASSERT_TRUE(found->has_value());
  EXPECT_LE(**found, 777);
  EXPECT_GE(**found, 777 / 1.02);
}

TEST(LoadSearchTest, SaysWhereNothingMeetsTheObjective) {
  const auto found = FindHighestLoad({1, 64, 0.05, true}, [](double) { return false; });
  ASSERT_OK(found);
  EXPECT_FALSE(found->has_value());
}

TEST(LoadSearchTest, TriesEachLoadOnceAndStaysInTheRange) {
  std::vector<double> tried;
  ASSERT_OK(FindHighestLoad({3, 50, 0.05, true}, [&](double load) {
    tried.push_back(load);
    return load <= 40;
  }));
  for (size_t i = 0; i < tried.size(); ++i) {
    EXPECT_GE(tried[i], 3);
    EXPECT_LE(tried[i], 50);
    for (size_t j = 0; j < i; ++j) EXPECT_NE(tried[i], tried[j]);
  }
}

TEST(LoadSearchTest, TheNumberOfTriesIsBounded) {
  for (double limit = 1; limit < 2e6; limit *= 1.07) {
    int tries = 0;
    ASSERT_OK(FindHighestLoad({1, 1e6}, [&](double load) {
      ++tries;
      return load <= limit;
    }));
    EXPECT_LE(tries, 1 + 20 + 5) << limit;  // Doublings to a million, and halvings of a gap to a twentieth.
  }
}

TEST(LoadSearchTest, AnErrorEndsTheSearch) {
  int tries = 0;
  EXPECT_THAT(FindHighestLoad({1, 64},
                              [&](double) -> absl::StatusOr<bool> {
                                if (++tries == 2) return absl::UnavailableError("gone");
                                return true;
                              }),
              StatusIs(absl::StatusCode::kUnavailable, _));
  EXPECT_EQ(tries, 2);
}

}  // namespace
}  // namespace lossd::load
