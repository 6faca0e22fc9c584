// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/block_pairs.h"

#include <set>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

// Every pair of a schedule, each block at most once a round.
template <typename Schedule>
std::multiset<std::pair<int64_t, int64_t>> AllPairs(const Schedule& schedule, bool one_side) {
  std::multiset<std::pair<int64_t, int64_t>> all;
  for (int64_t round = 0; round < schedule.rounds(); ++round) {
    std::set<int64_t> rows;
    std::set<int64_t> columns;
    for (int64_t i = 0; i < schedule.pairs(round); ++i) {
      const auto pair = schedule.Pair(round, i);
      if (!pair.has_value()) continue;
      EXPECT_TRUE(rows.insert(pair->rows).second);
      EXPECT_TRUE((one_side && round > 0 ? rows : columns).insert(pair->columns).second);
      all.emplace(pair->rows, pair->columns);
    }
  }
  return all;
}

TEST(SymmetricPairsTest, EveryTwoBlocksMeetOnce) {
  for (int64_t blocks = 1; blocks < 10; ++blocks) {
    std::multiset<std::pair<int64_t, int64_t>> expected;
    for (int64_t a = 0; a < blocks; ++a) {
      for (int64_t b = a; b < blocks; ++b) expected.emplace(a, b);
    }
    EXPECT_EQ(AllPairs(SymmetricPairs(blocks), true), expected) << blocks;
  }
}

TEST(RectangularPairsTest, EveryRowMeetsEveryColumnOnce) {
  for (int64_t rows = 1; rows < 6; ++rows) {
    for (int64_t columns = 1; columns < 6; ++columns) {
      std::multiset<std::pair<int64_t, int64_t>> expected;
      for (int64_t a = 0; a < rows; ++a) {
        for (int64_t b = 0; b < columns; ++b) expected.emplace(a, b);
      }
      EXPECT_EQ(AllPairs(RectangularPairs(rows, columns), false), expected) << rows << " " << columns;
    }
  }
}

}  // namespace
}  // namespace lossd
