// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/gemm_plan.h"

#include <algorithm>
#include <cstdint>

#include "gtest/gtest.h"

namespace lossd {
namespace {

constexpr TileShape kTile = {12, 32, 16, true};
constexpr TileShape kWholeTile = {6, 16, 8, false};

// A product of row-major operands; their memory is never touched.
template <typename T>
Product<T> RowMajorProduct(int64_t m, int64_t n, int64_t k) {
  static T memory;
  return {m, n, k, T{1}, MatrixView<T>::RowMajor(&memory, k), MatrixView<T>::RowMajor(&memory, n), false, {&memory, n}};
}

TEST(GemmPlanTest, RunsOfKAreEqualAndDependOnKAlone) {
  EXPECT_EQ(RunDepth(1), 1);
  EXPECT_EQ(RunDepth(kGemmDepth), kGemmDepth);
  EXPECT_EQ(RunDepth(kGemmDepth + 1), kGemmDepth / 2 + 1);
  EXPECT_EQ(RunDepth(1280), 256);
  for (int64_t k = 1; k < 2000; ++k) {
    const int64_t runs = (k + RunDepth(k) - 1) / RunDepth(k);
    EXPECT_EQ(runs, (k + kGemmDepth - 1) / kGemmDepth) << k;
    EXPECT_EQ(PlanProduct(RowMajorProduct<float>(7, 9, k), kTile).depth, RunDepth(k));
  }
}

template <typename T>
void ExpectBlocksToFitTheScratch() {
  for (const int64_t m : {1, 12, 300, 385, 5000}) {
    for (const int64_t k : {1, 200, 257, 4000}) {
      const ProductPlan plan = PlanProduct(RowMajorProduct<T>(m, 20000, k), kTile);
      EXPECT_EQ(plan.rows % kPanelRows, 0);
      EXPECT_LE(plan.rows * plan.depth, kScratchRowElements<T>);
      const int64_t packed_at_once = plan.rows >= m ? kTile.columns : plan.columns;
      EXPECT_LE(packed_at_once * plan.depth, kScratchColumnElements<T>);
    }
  }
  EXPECT_LE((kScratchRowElements<T> + kScratchColumnElements<T>)*static_cast<int64_t>(sizeof(T)), kGemmScratchBytes);
}

TEST(GemmPlanTest, BlocksFitTheScratch) {
  ExpectBlocksToFitTheScratch<float>();
  ExpectBlocksToFitTheScratch<double>();
}

TEST(GemmPlanTest, FewRowsAreMultipliedInPlace) {
  EXPECT_TRUE(IsBestInPlace(RowMajorProduct<float>(16, 784, 64), kTile));
  EXPECT_FALSE(IsBestInPlace(RowMajorProduct<float>(200, 784, 128), kTile));
}

TEST(GemmPlanTest, TransposedColumnsArePacked) {
  Product<float> product = RowMajorProduct<float>(16, 784, 64);
  product.b.view = product.b.view.Transposed();
  product.b.view.rows = Axis{1};
  product.b.view.columns = Axis{64};
  EXPECT_FALSE(IsBestInPlace(product, kTile));
  EXPECT_TRUE(PlanProduct(product, kTile).pack_columns);
}

TEST(GemmPlanTest, TilesThatCannotEndWithinAVectorNeedWholeOnesInPlace) {
  EXPECT_TRUE(IsBestInPlace(RowMajorProduct<float>(12, 64, 30), kWholeTile));
  EXPECT_FALSE(IsBestInPlace(RowMajorProduct<float>(12, 65, 30), kWholeTile));
}

TEST(GemmPlanTest, SmallBlocksOfColumnsArePackedTogether) {
  Product<float> product = RowMajorProduct<float>(16, 784, 64);
  product.b.view = FeatureMaps(product.b.view.data, 64, 49);
  EXPECT_TRUE(IsBestInPlace(product, kTile));
  product.b.view = FeatureMaps(product.b.view.data, 64, 9);
  EXPECT_FALSE(IsBestInPlace(product, kTile));
}

}  // namespace
}  // namespace lossd
