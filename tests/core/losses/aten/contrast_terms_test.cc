// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// RunTerms by way of the losses that run it: what blocks of rows change, and what they cost.

#include "core/losses/aten/contrast_terms.h"

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/engine/rounding.h"
#include "core/losses/aten/aten_losses.h"
#include "core/losses/aten/operation_counter.h"
#include "gtest/gtest.h"
#include "tests/core/losses/aten/against_tiles.h"
#include "tests/support/loss_runs.h"
#include "tests/support/status_matchers.h"

namespace lossd::aten {
namespace {

using ::lossd::testing::Compute;
using ::lossd::testing::MakeRequest;
using ::lossd::testing::RandomRequest;
using ::lossd::testing::Values;

struct Case {
  std::string name;
  LossConfig loss;
  std::vector<TensorSpec> inputs;
  int64_t rows;
  int64_t columns;
  int64_t launches_a_block;  // Of whole rows: products and sweeps.
  int64_t launches_a_tile = 0;
};

std::vector<Case> Cases() {
  const std::vector<TensorSpec> views = {{"out_1", {}, {30, 8}}, {"out_2", {}, {30, 8}}};
  const std::vector<TensorSpec> pairs = {{"image", {}, {37, 6}}, {"text", {}, {37, 6}}};
  const std::vector<TensorSpec> rows = {{"query", {}, {20, 6}}, {"key", {}, {20, 6}}, {"negative.0", {}, {7, 6}}};
  FeatureMapContrastiveConfig maps;
  maps.comparisons = "00";
  maps.bidirectional = false;
  maps.sampling = SamplingSeed{7, std::nullopt, 0, 0};
  InfoNceConfig masked{.symmetric = true, .label_smoothing = 0.1};
  masked.false_negatives = FalseNegatives{MarginStrategy::kAbsolute, 0.2};
  return {{"NtXent", NtXentConfig{}, views, 60, 60, 4},
          {"Dcl", DclConfig{.weight_sigma = 0.5}, views, 60, 60, 4},
          {"SupCon", SupConConfig{}, {{"features", {}, {33, 6}}, {"labels", DType::kInt64, {33}}}, 33, 33, 4},
          {"InfoNce", InfoNceConfig{}, rows, 20, 27, 4},
          {"SigLip", SigLipConfig{}, pairs, 37, 37, 0, 4},
          {"Maps", maps, {{"anchor.0", {}, {7, 3, 2, 2}}, {"positive.0", {}, {7, 3, 2, 2}}}, 7, 28, 4},
          {"Cpc", CpcConfig{.target_dim = 5}, {{"z", {}, {2, 3, 5, 4}}}, 24, 40, 4},
          // Scores are formed twice where one tile does not hold them.
          {"Clip", ClipConfig{}, pairs, 37, 37, 0, 7},
          // And similarities, once more for the bounds, whose diagonal is copied.
          {"MaskedInfoNce", masked, rows, 20, 27, 2, 9}};
}

LossRegistry LossesInBlocks(int64_t scores) {
  return LossRegistry(MakeAtenLosses("aten-cpu", {.block_scores = scores}).value());
}

class ContrastTermsTest : public ::testing::TestWithParam<Case> {
 protected:
  RandomRequest MakeCase() {
    std::mt19937 random(4);
    return MakeRequest(GetParam().loss, GetParam().inputs, random, pool_);
  }

  BufferPool pool_{size_t{1} << 22};
};

INSTANTIATE_TEST_SUITE_P(Losses, ContrastTermsTest, ::testing::ValuesIn(Cases()),
                         [](const auto& one) { return one.param.name; });

TEST_P(ContrastTermsTest, BlocksThatDoNotDivideAddUp) {
  const RandomRequest request = MakeCase();
  const auto whole = Compute(LossesInBlocks(1 << 20), {request}, pool_);
  ASSERT_OK(whole[0]);
  for (const int64_t scores : {1, 200, 1000}) {  // A row, a few rows.
    const auto parts = Compute(LossesInBlocks(scores), {request}, pool_);
    ASSERT_OK(parts[0]);
    EXPECT_NEAR(parts[0]->objective, whole[0]->objective, 1e-6 * std::abs(whole[0]->objective));
    for (size_t i = 0; i < whole[0]->gradients.size(); ++i) {
      const std::vector<double> got = Values(parts[0]->gradients[i]);
      const std::vector<double> expected = Values(whole[0]->gradients[i]);
      double largest = 0;
      for (const double one : expected) largest = std::max(largest, std::abs(one));
      for (size_t e = 0; e < got.size(); ++e) ASSERT_NEAR(got[e], expected[e], 1e-5 * largest) << scores;
    }
  }
}

TEST_P(ContrastTermsTest, ABlockTakesAFewLaunches) {
  const RandomRequest request = MakeCase();
  const auto launches = [&](int64_t scores) {
    const LossRegistry losses = LossesInBlocks(scores);
    const OperationCounter counter;
    EXPECT_OK(Compute(losses, {request}, pool_)[0]);
    return counter.launches();
  };
  const auto expected = [](int64_t scores) {
    const Case& one = GetParam();
    const Target target{.block_scores = scores};
    const Tile tile = target.FirstTile(one.rows, one.columns);
    const int64_t tiles = CeilDiv(one.rows, tile.rows) * CeilDiv(one.columns, tile.columns);
    return one.launches_a_block * CeilDiv(one.rows, target.BlockRows(one.rows, one.columns)) +
           one.launches_a_tile * tiles;
  };
  // One row a block, and two.
  const int64_t small = GetParam().columns;
  EXPECT_EQ(launches(small) - launches(2 * small), expected(small) - expected(2 * small));
}

template <typename Info, typename Total>
Total TotalOf(void (Info::*report)(void*, int64_t, Total, Total, c10::Device));
// Of another type in later versions of LibTorch.
using MemoryTotal = decltype(TotalOf(&c10::MemoryReportingInfoBase::reportMemoryUsage));

// The most that tensors on the host have taken at a time.
class PeakMemory final : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t bytes, MemoryTotal, MemoryTotal, c10::Device) override {
    now_ += bytes;
    peak_ = std::max(peak_, now_);
  }
  bool memoryProfilingEnabled() const override { return true; }
  int64_t peak() const { return peak_; }

 private:
  int64_t now_ = 0;
  int64_t peak_ = 0;
};

TEST(ContrastTermsMemoryTest, OneBlockOfScoresIsHeldAtATime) {
  constexpr int64_t kRows = 1024;
  constexpr int64_t kBlock = 256 * kRows;
  constexpr int64_t kBlockBytes = kBlock * int64_t{sizeof(float)};
  const std::vector<TensorSpec> pairs = {{"image", {}, {kRows, 8}}, {"text", {}, {kRows, 8}}};
  const std::vector<TensorSpec> rows = {{"query", {}, {kRows, 8}}, {"key", {}, {kRows, 8}}};
  InfoNceConfig masked{.symmetric = true};
  masked.false_negatives = FalseNegatives{MarginStrategy::kAbsolute, 0.2};
  BufferPool pool(size_t{1} << 22);
  std::mt19937 random(4);
  const auto peak_of = [&](const LossConfig& loss, const std::vector<TensorSpec>& inputs) {
    const RandomRequest request = MakeRequest(loss, inputs, random, pool);
    const LossRegistry losses = LossesInBlocks(kBlock);
    const auto memory = std::make_shared<PeakMemory>();
    const c10::DebugInfoGuard reports(c10::DebugInfoKind::PROFILER_STATE, memory);
    EXPECT_OK(Compute(losses, {request}, pool)[0]);
    return memory->peak();
  };
  for (const int64_t peak : {peak_of(ClipConfig{}, pairs), peak_of(SigLipConfig{}, pairs)}) {
    EXPECT_GE(peak, kBlockBytes);
    EXPECT_LT(peak, kBlockBytes * 3 / 2);
  }
  EXPECT_LT(peak_of(masked, rows), kBlockBytes * 5 / 2);  // And one of similarities.
}

}  // namespace
}  // namespace lossd::aten
