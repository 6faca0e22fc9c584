// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/scheduling/run_times.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

using ::testing::Eq;
using ::testing::Optional;

void RecordMany(RunTimes& times, absl::string_view key, int runs) {
  for (int i = 0; i < runs; ++i) times.Record(key, absl::Milliseconds(10 + i));
}

TEST(RunTimesTest, KnowsNothingBeforeEnoughRuns) {
  RunTimes times;
  EXPECT_EQ(times.Shortest("a"), std::nullopt);
  RecordMany(times, "a", RunTimes::kEnoughRuns - 1);
  EXPECT_EQ(times.Shortest("a"), std::nullopt);
}

TEST(RunTimesTest, KnowsTheShortestOfEnoughRuns) {
  RunTimes times;
  RecordMany(times, "a", RunTimes::kEnoughRuns);
  EXPECT_THAT(times.Shortest("a"), Optional(Eq(absl::Milliseconds(10))));
  times.Record("a", absl::Milliseconds(3));
  EXPECT_THAT(times.Shortest("a"), Optional(Eq(absl::Milliseconds(3))));
}

TEST(RunTimesTest, KeepsKeysApart) {
  RunTimes times;
  RecordMany(times, "a", RunTimes::kEnoughRuns);
  EXPECT_EQ(times.Shortest("b"), std::nullopt);
}

TEST(RunTimesTest, ForgetsTheKeyThatWasRecordedLongestAgo) {
  RunTimes times(/*max_keys=*/2);
  RecordMany(times, "a", RunTimes::kEnoughRuns);
  RecordMany(times, "b", RunTimes::kEnoughRuns);
  RecordMany(times, "a", 1);
  RecordMany(times, "c", 1);
  EXPECT_NE(times.Shortest("a"), std::nullopt);
  EXPECT_EQ(times.Shortest("b"), std::nullopt);
}

TEST(RunTimesTest, StaysBoundedUnderManyKeys) {
  RunTimes times(/*max_keys=*/8);
  for (int key = 0; key < 1000; ++key) RecordMany(times, absl::StrCat(key), RunTimes::kEnoughRuns);
  int known = 0;
  for (int key = 0; key < 1000; ++key) known += times.Shortest(absl::StrCat(key)).has_value() ? 1 : 0;
  EXPECT_EQ(known, 8);
}

}  // namespace
}  // namespace lossd
