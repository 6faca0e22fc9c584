// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/target.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "core/engine/sweeps/host_sweeps.h"
#include "core/losses/aten/operation_counter.h"
#include "gtest/gtest.h"

namespace lossd::aten {
namespace {

TEST(TargetTest, BlocksDependOnTheShapeAndHaveARowAtLeast) {
  const Target target{.block_scores = 1 << 20};
  EXPECT_EQ(target.BlockRows(10, 100), 10);
  EXPECT_EQ(target.BlockRows(5000, 1 << 10), 1 << 10);
  EXPECT_EQ(target.BlockRows(5000, int64_t{1} << 40), 1);
  EXPECT_EQ(target.BlockRows(600, 2000), 512);
  EXPECT_EQ(target.BlockRows(500, 2000), 500);
  EXPECT_EQ(target.BlockRows(600, 5000), 209);
  EXPECT_EQ(target.BlockBytes(10, 100, 3, 8), 10 * 100 * 3 * 8);
}

TEST(TargetTest, RunsASweepAsOneLaunch) {
  const Target target{.sweeps = std::make_shared<HostSweeps>()};
  const at::Tensor norms = at::tensor({1.0, 5.0, 3.0});
  const at::Tensor scale = at::empty({1}, at::kDouble);
  const OperationCounter counter;
  target.Run(ScaleOfGroup{1, 3, ElementsOf<double>(norms), ElementsOf<double>(scale)});
  EXPECT_EQ(counter.launches(), 1);
  EXPECT_EQ(scale.data_ptr<double>()[0], 4);
  EXPECT_EQ(ElementsOf<double>(at::Tensor()), nullptr);
}

TEST(TargetTest, TilesAreTwiceAsWideAsHighWhereBothExtentsAreLong) {
  const auto tile = [](int64_t block, int64_t rows, int64_t columns) {
    const Tile first = Target{.block_scores = block}.FirstTile(rows, columns);
    EXPECT_EQ(first.first_row, 0);
    EXPECT_EQ(first.first_column, 0);
    EXPECT_LE(first.rows * first.columns, std::max<int64_t>(block, 1));
    return std::pair(first.rows, first.columns);
  };
  EXPECT_EQ(tile(int64_t{1} << 30, 65536, 65536), std::pair(int64_t{4096}, int64_t{8192}));  // kMostTileScores.
  EXPECT_EQ(tile(1 << 20, 1024, 1024), std::pair(int64_t{1024}, int64_t{1024}));             // All in one.
  EXPECT_EQ(tile(1 << 20, 1025, 1024), std::pair(int64_t{1024}, int64_t{1024}));
  EXPECT_EQ(tile(1 << 20, 4096, 4096), std::pair(int64_t{768}, int64_t{1280}));
  EXPECT_EQ(tile(1 << 20, 1 << 20, 10), std::pair(int64_t{104704}, int64_t{10}));
  EXPECT_EQ(tile(1 << 20, 10, 1 << 20), std::pair(int64_t{10}, int64_t{104704}));
  EXPECT_EQ(tile(100, 37, 37), std::pair(int64_t{7}, int64_t{14}));
  EXPECT_EQ(tile(1, 37, 37), std::pair(int64_t{1}, int64_t{1}));
}

TEST(TargetTest, TypesAreThoseOfScores) {
  size_t bytes = 0;
  ForType(at::kFloat, [&](auto zero) { bytes = sizeof(zero); });
  EXPECT_EQ(bytes, sizeof(float));
  ForType(at::kDouble, [&](auto zero) { bytes = sizeof(zero); });
  EXPECT_EQ(bytes, sizeof(double));
}

}  // namespace
}  // namespace lossd::aten
