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

TYPED_TEST(MapContrastCutTest, CoversEverySourceAndTargetOnce) {
  for (const MapContrastShape& shape : kShapes) {
    const MapContrastCut cut = CutMapContrast<TypeParam>(shape);
    int64_t sources = 0;
    for (int64_t i = 0; i < cut.chunks; ++i) {
      const SourceChunk chunk = cut.Chunk(i);
      EXPECT_EQ(chunk.first, sources);
      EXPECT_EQ(chunk.first % cut.width, 0);
      EXPECT_GT(chunk.columns, 0);
      EXPECT_LE(chunk.columns, cut.padded_columns());
      sources += chunk.columns;
    }
    EXPECT_EQ(sources, shape.images);
    int64_t targets = 0;
    for (int64_t i = 0; i < cut.groups; ++i) {
      const Images group = cut.Group(i);
      EXPECT_EQ(group.first, targets);
      EXPECT_GT(group.last, group.first);
      targets = group.last;
    }
    EXPECT_EQ(targets, shape.images);
    EXPECT_LE(cut.tile_images, cut.kept_images());
  }
}

TYPED_TEST(MapContrastCutTest, KeepsScoresOfAllButTheLargestMaps) {
  EXPECT_TRUE(CutMapContrast<TypeParam>({200, 1280, 49}).keeps_scores);
  EXPECT_FALSE(CutMapContrast<TypeParam>({4096, 64, 49}).keeps_scores);
}

TYPED_TEST(MapContrastCutTest, GivesTwoThreadsEqualWork) {
  for (const MapContrastShape& shape : {MapContrastShape{256, 128, 49}, MapContrastShape{200, 1280, 49}}) {
    const MapContrastCut cut = CutMapContrast<TypeParam>(shape);
    EXPECT_EQ(cut.groups % 2, 0);
    EXPECT_GE(cut.groups, 4);
  }
}

TYPED_TEST(MapContrastCutTest, LaysOutWhatItCounts) {
  for (const MapContrastShape& shape : kShapes) {
    const MapContrastCut cut = CutMapContrast<TypeParam>(shape);
    Workspace workspace(nullptr);
    LayOutMapContrast<TypeParam>(shape, cut, workspace);
    EXPECT_EQ(workspace.bytes(), MapContrastWorkspaceBytes<TypeParam>(shape, cut));
    EXPECT_LE(workspace.bytes(), kMapContrastBytes);
  }
}

}  // namespace
}  // namespace lossd
