// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/pixel_cnn_weights.h"

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
  std::vector<float> joined(kRows * kPixelCnnHidden * kAcrossTaps);
  std::iota(joined.begin(), joined.end(), 0.0F);
  std::vector<float> separate(joined.size());
  SeparateTaps(joined.data(), kAcrossTaps, kRows, separate.data());
  EXPECT_EQ(separate[0], 0);
  EXPECT_EQ(separate[1], 3);
  EXPECT_EQ(separate[kRows * kPixelCnnHidden], 1);
  EXPECT_EQ(separate[2 * kRows * kPixelCnnHidden + kPixelCnnHidden + 5], (kPixelCnnHidden + 5) * 3 + 2);
  std::vector<float> again(joined.size());
  JoinTaps(separate.data(), kAcrossTaps, kRows, again.data());
  EXPECT_THAT(again, ElementsAreArray(joined));
}

TEST(PixelCnnWeightsTest, FormsWhatTheRowOfOnesAndTheOuterColumnsAdd) {
  const testing::CpcCase values = testing::DrawCpcCase(1, {});
  std::vector<const double*> parameters;
  for (size_t p = kContextParameters; p < kCpcParameters; ++p) parameters.push_back(values.parameters[p].data());
  Workspace counter(nullptr);
  ArrangePixelCnnWeights<double>(values.channels, parameters, counter);
  BufferPool pool(0);
  const Buffer buffer = pool.Allocate(static_cast<size_t>(counter.bytes()));
  Workspace workspace(buffer.data());
  const PixelCnnWeights<double> weights = ArrangePixelCnnWeights<double>(values.channels, parameters, workspace);
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
