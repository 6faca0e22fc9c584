// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// ContrastMaps by way of the loss that runs it: agreement with the tiles where rows come in several chunks.

#include "core/losses/aten/map_contrast.h"

#include <limits>
#include <random>

#include "gtest/gtest.h"
#include "tests/core/losses/aten/against_tiles.h"

namespace lossd::aten {
namespace {

using ::lossd::testing::ExpectAgreesWithTiles;
using ::lossd::testing::ExpectEqualBytesAloneAndBatched;
using ::lossd::testing::MakeRequest;
using ::lossd::testing::Redrawn;

constexpr int64_t kImages = 72;  // By 300 locations: 21600 scores a row, 48 rows a chunk.

class MapContrastTest : public ::testing::Test {
 protected:
  testing::RandomRequest Make(double tclip) {
    FeatureMapContrastiveConfig config;
    config.comparisons = "00, 01";
    config.tclip = tclip;
    config.loss_weights = {2, -0.5};
    config.sampling = SamplingSeed{7, std::nullopt, 0, 0};
    return MakeRequest(config,
                       {{"anchor.0", {}, {kImages, 8, 15, 20}},
                        {"anchor.1", {}, {kImages, 8, 1, 1}},
                        {"positive.0", {}, {kImages, 8, 3, 2}},
                        {"positive.1", {}, {kImages, 8, 15, 20}}},
                       random_, pool_);
  }

  BufferPool pool_{size_t{1} << 28};
  std::mt19937 random_{5};
};

TEST_F(MapContrastTest, ChunksAddUp) { EXPECT_LE(ExpectAgreesWithTiles(Make(3), pool_), 1); }

TEST_F(MapContrastTest, InfiniteClipClipsNothing) {
  EXPECT_LE(ExpectAgreesWithTiles(Make(std::numeric_limits<double>::infinity()), pool_), 1);
}

TEST_F(MapContrastTest, ChunksHaveEqualBytesInABatch) {
  const testing::RandomRequest request = Make(3);
  ExpectEqualBytesAloneAndBatched({request, Redrawn(request, random_, pool_), Make(3)}, pool_);
}

}  // namespace
}  // namespace lossd::aten
