// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/matrix_run.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

std::vector<std::pair<int64_t, int64_t>> RunsOf(const Axis& axis, int64_t first, int64_t count) {
  std::vector<std::pair<int64_t, int64_t>> result;
  for (const MatrixRun& run : MatrixRuns(axis, first, count)) result.emplace_back(run.offset, run.length);
  return result;
}

TEST(MatrixRunTest, PlainAxisIsOneRun) { EXPECT_THAT(RunsOf(Axis{3}, 5, 40), ElementsAre(Pair(15, 40))); }

TEST(MatrixRunTest, RunsEndWhereBlocksDo) {
  const Axis axis = {1, 25, 1000};
  EXPECT_THAT(RunsOf(axis, 20, 32), ElementsAre(Pair(20, 5), Pair(1000, 25), Pair(2000, 2)));
  EXPECT_THAT(RunsOf(axis, 25, 25), ElementsAre(Pair(1000, 25)));
}

TEST(MatrixRunTest, OffsetsOfRunsAreThoseOfTheAxis) {
  for (const Axis& axis : {Axis{2, 7, 100}, Axis{2, 7, 100, 5}}) {
    int64_t index = 3;
    for (const MatrixRun& run : MatrixRuns(axis, index, 50)) {
      EXPECT_EQ(run.offset, axis.Offset(index));
      index += run.length;
    }
    EXPECT_EQ(index, 53);
  }
}

TEST(MatrixRunTest, AnAxisThatBeginsWithinABlockIsTheRestOfTheWhole) {
  const Axis whole = {1, 25, 1000};
  const Axis rest = {1, 25, 1000, 20};
  EXPECT_THAT(RunsOf(rest, 0, 32), ElementsAre(Pair(20, 5), Pair(1000, 25), Pair(2000, 2)));
  for (int64_t i = 0; i < 60; ++i) EXPECT_EQ(rest.Offset(i), whole.Offset(20 + i));
}

TEST(MatrixRunTest, SimplifiedAxisHasTheSameOffsets) {
  for (const Axis& axis :
       {Axis{3}, Axis{1, 1, 20}, Axis{4, 5, 20}, Axis{4, 5, 21}, Axis{4, 5, 20, 3}, Axis{4, 5, 21, 3}}) {
    for (int64_t i = 0; i < 30; ++i) EXPECT_EQ(Simplified(axis).Offset(i), axis.Offset(i));
  }
}

TEST(MatrixRunTest, BlocksThatFollowEachOtherBecomePlain) {
  EXPECT_EQ(Simplified(Axis{1, 1, 20}).block, Axis::kOneBlock);
  EXPECT_EQ(Simplified(Axis{4, 5, 20}).block, Axis::kOneBlock);
  EXPECT_EQ(Simplified(Axis{4, 5, 21}).block, 5);
}

}  // namespace
}  // namespace lossd
