// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/tile_masks.h"

#include <cstdint>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

using ::testing::ElementsAre;

constexpr ScoreTile kTile = {2, 3};
constexpr float kOut = kLeftOut<float>;

TEST(TileMasksTest, LabelsPartPositivesFromOthers) {
  std::vector<float> scores = {1, 2, 3, 4, 5, 6};
  std::vector<float> positives(6);
  const std::vector<int32_t> rows = {7, 8};
  const std::vector<int32_t> columns = {8, 7, 9};
  EXPECT_TRUE(SplitByLabel(kTile, rows.data(), columns.data(), scores.data(), positives.data()));
  EXPECT_THAT(scores, ElementsAre(1, kOut, 3, kOut, 5, 6));
  EXPECT_THAT(positives, ElementsAre(kOut, 2, kOut, 4, kOut, kOut));
  const std::vector<int32_t> strangers = {1, 2, 3};
  EXPECT_FALSE(SplitByLabel(kTile, rows.data(), strangers.data(), scores.data(), positives.data()));
}

TEST(TileMasksTest, WhatIsTooSimilarLeavesAndIsCounted) {
  const std::vector<float> similar = {0.1f, 0.9f, 0.5f, 0.5f, 0.6f, 0.2f};
  const std::vector<float> bounds = {0.5f, 0.3f, 0.4f};
  std::vector<float> scores(6, 1.0f);
  int64_t rows[2] = {};
  LeaveOutAboveRows(kTile, similar.data(), bounds.data(), scores.data(), rows);
  EXPECT_THAT(scores, ElementsAre(1, kOut, 1, kOut, kOut, 1));
  EXPECT_THAT(rows, ElementsAre(1, 2));
  scores.assign(6, 1.0f);
  int64_t columns[3] = {};
  LeaveOutAboveColumns(kTile, similar.data(), bounds.data(), scores.data(), columns);
  EXPECT_THAT(scores, ElementsAre(1, kOut, kOut, 1, kOut, 1));
  EXPECT_THAT(columns, ElementsAre(0, 2, 1));
}

TEST(TileMasksTest, SumsAndSharesAreOfWhatIsLeft) {
  const std::vector<float> scores = {1, kOut, 3, kOut, 5, 6};
  double rows[2] = {};
  double columns[3] = {};
  AddScoresOfRows(kTile, scores.data(), rows);
  AddScoresOfColumns(kTile, scores.data(), columns);
  EXPECT_THAT(rows, ElementsAre(4, 11));
  EXPECT_THAT(columns, ElementsAre(1, 5, 9));
  std::vector<float> gradient(6, 10.0f);
  const std::vector<float> shares = {1, 2, 3};
  TakeOffRows(kTile, scores.data(), shares.data(), gradient.data());
  EXPECT_THAT(gradient, ElementsAre(9, 10, 9, 10, 8, 8));
  TakeOffColumns(kTile, scores.data(), shares.data(), gradient.data());
  EXPECT_THAT(gradient, ElementsAre(8, 10, 6, 10, 6, 5));
}

}  // namespace
}  // namespace lossd
