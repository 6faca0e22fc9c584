// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/cpc/pixel_cnn_columns.h"

#include <cstdint>
#include <vector>

#include "gmock/gmock.h"

namespace lossd {
namespace {

constexpr PixelCnnShape kShape = {.batch = 3, .channels = 2, .height = 6, .width = 5};

// Position of the map for each inner position, moved `column` to the right, by the definition.
std::vector<int64_t> PositionsOf(int64_t column) {
  std::vector<int64_t> positions;
  for (int64_t r = 0; r < kShape.rows(); ++r) {
    for (int64_t x = 0; x < kShape.width - 2; ++x) {
      for (int64_t b = 0; b < kShape.batch; ++b)
        positions.push_back((r * kShape.width + x + column) * kShape.batch + b);
    }
  }
  return positions;
}

TEST(PixelCnnColumnsTest, RowsLieWhereInnerPositionsDo) {
  constexpr int64_t kChannels = 7;
  std::vector<float> map(static_cast<size_t>(kShape.positions() * kChannels));
  for (const int64_t column : {0, 1, 2}) {
    const std::vector<int64_t> positions = PositionsOf(column);
    for (int64_t first = 0; first < kShape.inner_positions(); ++first) {
      const BlockedView<float> from = InnerColumns<float>(kShape, map.data(), kChannels, column, first);
      const BlockedResult<float> to = InnerColumnsResult(kShape, map.data(), kChannels, column, first);
      for (int64_t i = first; i < kShape.inner_positions(); ++i) {
        const float* const expected = map.data() + positions[static_cast<size_t>(i)] * kChannels;
        ASSERT_EQ(from.data + from.rows.Offset(i - first), expected);
        ASSERT_EQ(to.data + to.rows.Offset(i - first), expected);
      }
    }
  }
}

TEST(PixelCnnColumnsTest, RunsAreTheInnerPositionsOfATileInOrder) {
  const std::vector<int64_t> positions = PositionsOf(1);
  for (int64_t first = 0; first < kShape.inner_positions(); ++first) {
    for (int64_t count = 0; first + count <= kShape.inner_positions(); ++count) {
      std::vector<int64_t> seen;
      ForInnerRuns(kShape, 1, {first, count}, [&](int64_t position, int64_t run) {
        for (int64_t i = 0; i < run; ++i) seen.push_back(position + i);
      });
      ASSERT_THAT(seen, ::testing::ElementsAreArray(positions.begin() + first, positions.begin() + first + count));
    }
  }
}

TEST(PixelCnnColumnsTest, InnerTileHasThoseInnerPositionsThatLieInATile) {
  for (const int64_t column : {0, 1, 2}) {
    const std::vector<int64_t> positions = PositionsOf(column);
    for (int64_t first = 0; first < kShape.positions(); ++first) {
      for (int64_t end = first; end <= kShape.positions(); ++end) {
        const RowTile inner = InnerTile(kShape, column, {first, end - first});
        std::vector<int64_t> inside;
        for (size_t i = 0; i < positions.size(); ++i) {
          if (positions[i] >= first && positions[i] < end) inside.push_back(static_cast<int64_t>(i));
        }
        ASSERT_EQ(inner.count, static_cast<int64_t>(inside.size()));
        if (!inside.empty()) {
          ASSERT_EQ(inner.first, inside.front());
        }
      }
    }
  }
}

}  // namespace
}  // namespace lossd
