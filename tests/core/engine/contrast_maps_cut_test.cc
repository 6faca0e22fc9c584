// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast_maps_cut.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace lossd {
namespace {

constexpr MapContrastShape kShapes[] = {{1, 1, 1},       {3, 5, 4},       {16, 64, 49},   {64, 256, 25}, {256, 128, 49},
                                        {200, 1280, 49}, {1024, 2048, 1}, {4096, 64, 49}, {32, 64, 4096}};

template <typename T>
class MapContrastCutTest : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(MapContrastCutTest, Types);

TYPED_TEST(MapContrastCutTest, CoversEveryImageAndChannelOnce) {
  for (const MapContrastShape& shape : kShapes) {
    const MapContrastCut cut = CutMapContrast<TypeParam>(shape);
    EXPECT_GE(cut.chunk_rows, 1);
    EXPECT_LE(cut.chunk_rows, shape.images);
    EXPECT_GE(cut.tiles * cut.tile_images, shape.images);
    EXPECT_LT((cut.tiles - 1) * cut.tile_images, shape.images);
    EXPECT_GE(cut.groups * cut.group_images, shape.images);
    EXPECT_LT((cut.groups - 1) * cut.group_images, shape.images);
    EXPECT_GE(cut.blocks * cut.block_channels, shape.channels);
    EXPECT_LT((cut.blocks - 1) * cut.block_channels, shape.channels);
  }
}

TYPED_TEST(MapContrastCutTest, LaysOutWhatItCounts) {
  for (const MapContrastShape& shape : kShapes) {
    const MapContrastCut cut = CutMapContrast<TypeParam>(shape);
    Workspace workspace(nullptr);
    LayOutMapContrast<TypeParam>(shape, cut, workspace);
    EXPECT_EQ(workspace.bytes(), MapContrastWorkspaceBytes<TypeParam>(shape));
    const int64_t scores = cut.chunk_rows * shape.images * shape.locations * static_cast<int64_t>(sizeof(TypeParam));
    EXPECT_GE(workspace.bytes(), scores);
  }
}

}  // namespace
}  // namespace lossd
