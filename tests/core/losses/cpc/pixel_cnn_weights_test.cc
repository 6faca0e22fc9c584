// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/cpc/pixel_cnn_weights.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "gmock/gmock.h"
#include "tests/support/cpc_oracle.h"

namespace lossd {
namespace {

using ::testing::ElementsAreArray;

TEST(PixelCnnWeightsTest, SeparatesTapsAndJoinsThemAgain) {
  constexpr int64_t kRows = 2;
  constexpr int64_t kColumns = 7;
  for (const int64_t taps : {kDownTaps, kAcrossTaps}) {
    std::vector<float> joined(static_cast<size_t>(kRows * kColumns * taps));
    std::iota(joined.begin(), joined.end(), 0.0F);
    std::vector<float> separate(joined.size());
    SeparateTaps(joined.data(), taps, kRows, kColumns, separate.data());
    EXPECT_EQ(separate[0], 0);
    EXPECT_EQ(separate[1], taps);
    EXPECT_EQ(separate[kRows * kColumns], 1);
    EXPECT_EQ(separate[static_cast<size_t>(taps * kRows * kColumns - 1)], kRows * kColumns * taps - 1);
    std::vector<float> again(joined.size());
    JoinTaps(separate.data(), taps, kRows, kColumns, 0, kColumns, again.data());
    EXPECT_THAT(again, ElementsAreArray(joined));
  }
}

TEST(PixelCnnWeightsTest, JoinsTapsIntoSomeColumns) {
  const std::vector<float> separate = {1, 2, 3, 4, 10, 20, 30, 40};  // 2 taps, 2 rows, 2 columns.
  std::vector<float> joined(2 * 3 * 2, -1);
  JoinTaps(separate.data(), kDownTaps, 2, 2, 1, 3, joined.data());
  EXPECT_THAT(joined, ElementsAreArray({-1, -1, 1, 10, 2, 20, -1, -1, 3, 30, 4, 40}));
}

TEST(PixelCnnWeightsTest, FormsWhatTheRowOfOnesAndTheOuterColumnsAdd) {
  const testing::CpcCase values = testing::DrawCpcCase(1, {});
  std::vector<const double*> parameters;
  for (size_t p = kContextParameters; p < kCpcParameters; ++p) parameters.push_back(values.parameters[p].data());
  Workspace counter(nullptr);
  TakePixelCnnWeights<double>(values.channels, parameters, BlockMemory::kOwn, GemmPrecision::kFloat32, counter);
  BufferPool pool(0);
  const Buffer buffer = pool.Allocate(static_cast<size_t>(counter.bytes()));
  Workspace workspace(buffer.data());
  std::vector<double> scratch(kArrangeScratchElements);
  const PixelCnnWeights<double> weights =
      TakePixelCnnWeights<double>(values.channels, parameters, BlockMemory::kOwn, GemmPrecision::kFloat32, workspace);
  Serial serial;
  PackPixelCnnWeights(weights, scratch.data(), serial);
  EXPECT_EQ(workspace.bytes(), counter.bytes());
  const double* const* p = parameters.data() + 3 * kBlockParameters;
  double top = 0;
  for (int64_t i = 0; i < kPixelCnnHidden; ++i) top += p[kDownWeight][(7 * kPixelCnnHidden + i) * kDownTaps];
  EXPECT_NEAR(weights.blocks[3].top[7], top, 1e-12);
  double side = p[kExitBias][1];
  for (int64_t i = 0; i < kPixelCnnHidden; ++i) {
    side += p[kExitWeight][kPixelCnnHidden + i] * std::max(p[kDownBias][i], 0.0);
  }
  EXPECT_NEAR(weights.blocks[3].side[1], side, 1e-12);
}

}  // namespace
}  // namespace lossd
