// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Contrasts of maps on more threads than they have groups.

#include <algorithm>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "core/engine/contrast_maps.h"
#include "core/engine/contrast_maps_cut.h"
#include "core/tensor/buffer_pool.h"
#include "gtest/gtest.h"
#include "tests/core/engine/map_problem.h"
#include "tests/core/engine/wide_parallel.h"

namespace lossd {
namespace {

using testing::WideParallel;

template <typename T>
struct Outcome {
  MapContrastResult result;
  std::vector<T> source_gradient;
  std::vector<T> target_gradient;
};

template <typename T>
Outcome<T> Run(const MapContrastShape& shape, double clip, GemmPrecision precision, Parallel& parallel) {
  const Panels panels = MapSourcePanels<T>(shape);
  std::mt19937 engine(1);
  std::normal_distribution<float> normal;
  std::vector<T> sources(static_cast<size_t>(panels.size()));
  for (int64_t b = 0; b < shape.images; ++b) {
    for (int64_t c = 0; c < shape.channels; ++c) sources[static_cast<size_t>(panels.Offset(c, b))] = normal(engine);
  }
  std::vector<T> targets(static_cast<size_t>(shape.images * shape.channels * shape.locations));
  for (T& target : targets) target = normal(engine);
  Outcome<T> outcome = {{}, std::vector<T>(sources.size(), 1), std::vector<T>(targets.size(), 1)};
  MapOperands<T> contrast;
  contrast.precision = precision;
  contrast.sources = sources.data();
  contrast.targets = targets.data();
  contrast.loss_weight = 1;
  contrast.square_weight = 0.05;
  contrast.source_gradient = outcome.source_gradient.data();
  contrast.target_gradient = outcome.target_gradient.data();
  contrast.accumulate_target = true;
  BufferPool pool(0);
  const MapContrastCut cut = CutMapContrast<T>(shape);
  const Buffer workspace = pool.Allocate(static_cast<size_t>(MapContrastWorkspaceBytes<T>(shape, cut)));
  outcome.result =
      ComputeMapContrast(testing::MapProblem(shape, clip), contrast, cut, workspace.data(), nullptr, parallel);
  return outcome;
}

template <typename T>
bool SameBits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

template <typename T>
void ExpectSameBits(const MapContrastShape& shape, double clip, GemmPrecision precision = GemmPrecision::kFloat32) {
  Serial serial;
  WideParallel wide;
  const Outcome<T> alone = Run<T>(shape, clip, precision, serial);
  const Outcome<T> shared = Run<T>(shape, clip, precision, wide);
  EXPECT_GT(wide.most_iterations, CutMapContrast<T>(shape).groups);
  EXPECT_EQ(alone.result.loss, shared.result.loss);
  EXPECT_EQ(alone.result.mean_square, shared.result.mean_square);
  EXPECT_TRUE(SameBits(alone.source_gradient, shared.source_gradient));
  EXPECT_TRUE(SameBits(alone.target_gradient, shared.target_gradient));
}

constexpr double kNoClip = std::numeric_limits<double>::infinity();
// Extents that divide nothing.
constexpr MapContrastShape kMaps = {.images = 131, .channels = 623, .locations = 49};
constexpr MapContrastShape kVectors = {.images = 701, .channels = 1103, .locations = 1};
constexpr MapContrastShape kSmallMaps = {.images = 509, .channels = 251, .locations = 9};

TEST(MapContrastFineTest, ManyThreadsChangeNoBitOfFloat) {
  for (const MapContrastShape& shape : {kMaps, kVectors, kSmallMaps}) {
    ExpectSameBits<float>(shape, 10);
    ExpectSameBits<float>(shape, kNoClip);
  }
}

TEST(MapContrastFineTest, ManyThreadsChangeNoBitOfDouble) {
  ExpectSameBits<double>(kMaps, 10);
  ExpectSameBits<double>(kSmallMaps, kNoClip);
}

TEST(MapContrastFineTest, ManyThreadsChangeNoBitOfBfloat16) { ExpectSameBits<float>(kMaps, 10, GemmPrecision::kBf16); }

}  // namespace
}  // namespace lossd
