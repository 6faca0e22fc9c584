// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/moments.h"

#include <random>

#include "gtest/gtest.h"
#include "tests/core/losses/aten/against_tiles.h"

namespace lossd::testing {
namespace {

// Columns of several chunks.
TEST(MomentsTest, AgreeWithTheTilesWhereTheyAreCut) {
  BufferPool pool(size_t{1} << 26);
  std::mt19937 random(3);
  const std::vector<TensorSpec> views = {{"z_1", {}, {4, 1100}}, {"z_2", {}, {4, 1100}}};
  EXPECT_LE(ExpectAgreesWithTiles(MakeRequest(VicRegConfig{}, views, random, pool), pool), 1);
  EXPECT_LE(ExpectAgreesWithTiles(MakeRequest(BarlowTwinsConfig{}, views, random, pool), pool), 1);
}

TEST(MomentsTest, CountMemoryOfViewsAndAChunk) {
  MomentsProblem problem;
  problem.rows = 8;
  problem.width = 16;
  ComputeSpec request;
  request.inputs = {{"z_1", DType::kFloat32, {8, 16}}, {"z_2", DType::kFloat32, {8, 16}}};
  EXPECT_GT(aten::MomentsBytes(problem, DType::kFloat32, request, aten::Target{}), 2 * 8 * 16 * 4);
}

}  // namespace
}  // namespace lossd::testing
