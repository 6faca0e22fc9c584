// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// ContrastSteps by way of the loss that runs it: agreement with the tiles where predictions come in several chunks.

#include "core/losses/aten/cpc_scores.h"

#include <random>

#include "gtest/gtest.h"
#include "tests/core/losses/aten/against_tiles.h"

namespace lossd::aten {
namespace {

using ::lossd::testing::ExpectAgreesWithTiles;
using ::lossd::testing::ExpectEqualBytesAloneAndBatched;
using ::lossd::testing::MakeRequest;
using ::lossd::testing::Redrawn;

TEST(CpcScoresTest, ChunksAddUpAndHaveEqualBytesInABatch) {
  BufferPool pool(size_t{1} << 28);
  std::mt19937 random(6);
  // 1400 predictions by 1600 targets: 655 rows a chunk.
  auto request = MakeRequest(CpcConfig{.target_dim = 5, .embed_scale = 0.5, .init_seed = 0},
                             {{"z", {}, {10, 3, 16, 10}}}, random, pool);
  request.spec.gradients.mode = GradientSelection::Mode::kNamed;
  request.spec.gradients.names = {"z", "parameters.pred_cnn.*", "parameters.target_cnn.*"};
  EXPECT_LE(ExpectAgreesWithTiles(request, pool), 1);
  ExpectEqualBytesAloneAndBatched({request, Redrawn(request, random, pool)}, pool);
}

}  // namespace
}  // namespace lossd::aten
