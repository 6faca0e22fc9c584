// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast_maps.h"

#include <cmath>
#include <random>
#include <vector>

#include "core/engine/contrast_maps_cut.h"
#include "core/tensor/buffer_pool.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/engine/map_problem.h"

namespace lossd {
namespace {

using ::testing::DoubleNear;
using ::testing::Pointwise;

std::vector<double> Normal(int64_t count, uint32_t seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal;
  std::vector<double> values(static_cast<size_t>(count));
  for (double& value : values) value = normal(engine);
  return values;
}

// The vectors [B, C] of sources as the engine takes them.
std::vector<double> InPanels(const MapContrastShape& shape, const std::vector<double>& vectors) {
  const Panels panels = MapSourcePanels<double>(shape);
  std::vector<double> result(static_cast<size_t>(panels.size()));
  for (int64_t b = 0; b < shape.images; ++b) {
    for (int64_t c = 0; c < shape.channels; ++c) {
      result[static_cast<size_t>(panels.Offset(c, b))] = vectors[static_cast<size_t>(b * shape.channels + c)];
    }
  }
  return result;
}

// A contrast with its memory.
struct Problem {
  MapContrastShape shape;
  ContrastProblem stated;
  std::vector<double> sources;
  std::vector<double> targets;
  std::vector<double> source_gradient;
  std::vector<double> target_gradient;
  MapOperands<double> contrast;

  explicit Problem(MapContrastShape extents)
      : shape(extents),
        stated(testing::MapProblem(extents, 10)),
        sources(InPanels(extents, Normal(extents.images * extents.channels, 1))),
        targets(Normal(extents.images * extents.channels * extents.locations, 2)),
        source_gradient(sources.size(), NAN),
        target_gradient(targets.size(), NAN) {
    contrast.sources = sources.data();
    contrast.targets = targets.data();
    contrast.loss_weight = 1;
    contrast.square_weight = 0.05;
    contrast.source_gradient = source_gradient.data();
    contrast.target_gradient = target_gradient.data();
  }

  MapContrastResult Run(const std::atomic<bool>* cancelled = nullptr) {
    BufferPool pool(0);
    const MapContrastCut cut = CutMapContrast<double>(shape);
    const Buffer workspace = pool.Allocate(static_cast<size_t>(MapContrastWorkspaceBytes<double>(shape, cut)));
    Serial serial;
    return ComputeMapContrast(stated, contrast, cut, workspace.data(), cancelled, serial);
  }

  double Objective() {
    const MapContrastResult result = Run();
    return contrast.loss_weight * result.loss + contrast.square_weight * result.mean_square;
  }
};

TEST(MapContrastTest, HasTheLossOfItsDefinition) {
  Problem problem({3, 2, 4});
  double loss = 0;
  double squares = 0;
  const auto score = [&](size_t b, size_t j, size_t l) {
    double sum = 0;
    for (size_t c = 0; c < 2; ++c) {
      sum += problem.sources[c * PanelWidth<double>(3) + b] * problem.targets[(j * 2 + c) * 4 + l];
    }
    return sum / std::sqrt(2.0);
  };
  for (size_t b = 0; b < 3; ++b) {
    double negatives = 0;
    for (size_t j = 0; j < 3; ++j) {
      for (size_t l = 0; l < 4; ++l) {
        squares += score(b, j, l) * score(b, j, l) / 36;
        if (j != b) negatives += std::exp(10 * std::tanh(score(b, j, l) / 10));
      }
    }
    for (size_t l = 0; l < 4; ++l) {
      const double positive = std::exp(10 * std::tanh(score(b, b, l) / 10));
      loss += std::log((positive + negatives) / positive) / 12;
    }
  }
  const MapContrastResult result = problem.Run();
  EXPECT_NEAR(result.loss, loss, 1e-13);
  EXPECT_NEAR(result.mean_square, squares, 1e-13);
}

// Differences of the objective with respect to `inputs`, elements of a problem, against `gradient`.
void ExpectGradient(Problem& problem, std::vector<double>& inputs, const std::vector<double>& gradient) {
  for (size_t e = 0; e < inputs.size(); ++e) {
    if (inputs[e] == 0) continue;  // Behind the last source.
    constexpr double kStep = 1e-5;
    const double value = inputs[e];
    inputs[e] = value + kStep;
    const double above = problem.Objective();
    inputs[e] = value - kStep;
    const double below = problem.Objective();
    inputs[e] = value;
    EXPECT_NEAR((above - below) / (2 * kStep), gradient[e], 1e-9) << e;
  }
}

TEST(MapContrastTest, HasTheGradientOfItsDifferences) {
  // One panel and more, images of one location and more.
  for (const MapContrastShape& shape : {MapContrastShape{4, 3, 2}, MapContrastShape{19, 2, 1}}) {
    for (double clip : {1.0, 100.0}) {
      Problem problem(shape);
      problem.stated.clip = clip;
      problem.contrast.loss_weight = -1.5;
      problem.Run();
      const std::vector<double> target_gradient = problem.target_gradient;
      const std::vector<double> source_gradient = problem.source_gradient;
      ExpectGradient(problem, problem.targets, target_gradient);
      ExpectGradient(problem, problem.sources, source_gradient);
    }
  }
}

// The same sums in other words, for shapes that are cut into groups, tiles and chunks.
TEST(MapContrastTest, SumsUpToTheGradientAlongItsInputs) {
  for (const MapContrastShape& shape : {MapContrastShape{70, 5, 40}, MapContrastShape{3, 2, 1100},
                                        MapContrastShape{600, 2, 9}, MapContrastShape{40, 600, 30}}) {
    for (double clip : {5.0, 50.0}) {
      Problem problem(shape);
      problem.stated.clip = clip;
      const double before = problem.Objective();
      double expected = 0;
      constexpr double kStep = 1e-6;
      for (size_t e = 0; e < problem.targets.size(); ++e) {
        const double direction = std::sin(static_cast<double>(e));
        expected += direction * problem.target_gradient[e];
        problem.targets[e] += kStep * direction;
      }
      for (size_t e = 0; e < problem.sources.size(); ++e) {
        if (problem.sources[e] == 0) continue;
        const double direction = std::cos(static_cast<double>(e));
        expected += direction * problem.source_gradient[e];
        problem.sources[e] += kStep * direction;
      }
      const double difference = (problem.Objective() - before) / kStep;
      EXPECT_NEAR(difference, expected, 1e-4 * (1 + std::abs(expected)));
    }
  }
}

TEST(MapContrastTest, AddsToATargetsGradientOnDemand) {
  Problem problem({4, 3, 2});
  problem.Run();
  const std::vector<double> once = problem.target_gradient;
  problem.contrast.accumulate_target = true;
  problem.Run();
  std::vector<double> twice = once;
  for (double& value : twice) value *= 2;
  EXPECT_THAT(problem.target_gradient, Pointwise(DoubleNear(1e-14), twice));
}

TEST(MapContrastTest, LeavesUnwantedGradientsOut) {
  Problem problem({4, 3, 2});
  const MapContrastResult all = problem.Run();
  const std::vector<double> source_gradient = problem.source_gradient;
  problem.contrast.target_gradient = nullptr;
  problem.Run();
  EXPECT_EQ(problem.source_gradient, source_gradient);
  problem.contrast.source_gradient = nullptr;
  EXPECT_EQ(problem.Run().loss, all.loss);
}

TEST(MapContrastTest, DoesNothingOnceCancelled) {
  Problem problem({4, 3, 2});
  const std::atomic<bool> cancelled = true;
  problem.Run(&cancelled);
  EXPECT_TRUE(std::isnan(problem.source_gradient[0]));
  EXPECT_TRUE(std::isnan(problem.target_gradient[0]));
}

TEST(MapContrastTest, KeepsItsWorkspaceBounded) {
  for (int64_t images : {1, 3, 16, 17, 64, 200, 256, 1000, 4096}) {
    for (int64_t channels : {1, 5, 64, 128, 256, 1280, 2048}) {
      for (int64_t locations : {1, 4, 25, 49, 196, 4096}) {
        const MapContrastShape shape = {images, channels, locations};
        EXPECT_LE(MapContrastWorkspaceBytes<float>(shape, CutMapContrast<float>(shape)), kMapContrastBytes);
        EXPECT_LE(MapContrastWorkspaceBytes<double>(shape, CutMapContrast<double>(shape)), kMapContrastBytes);
      }
    }
  }
}

}  // namespace
}  // namespace lossd
