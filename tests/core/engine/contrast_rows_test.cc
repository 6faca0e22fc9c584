// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast_rows.h"

#include <cmath>
#include <random>
#include <vector>

#include "core/tensor/buffer_pool.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

// A contrast with its memory.
struct Problem {
  std::vector<double> views[2];
  std::vector<double> gradients[2];
  RowContrast<double> contrast;

  Problem(int64_t rows, int64_t width, double temperature) {
    std::mt19937 engine(1);
    std::normal_distribution<double> normal;
    contrast.rows = rows;
    contrast.width = width;
    contrast.temperature = temperature;
    contrast.weight = 1;
    for (size_t v = 0; v < 2; ++v) {
      views[v].resize(static_cast<size_t>(rows * width));
      for (double& value : views[v]) value = normal(engine);
      gradients[v].resize(views[v].size(), NAN);
      contrast.views[v] = views[v].data();
      contrast.gradients[v] = gradients[v].data();
    }
  }

  double Run(const std::atomic<bool>* cancelled = nullptr) {
    BufferPool pool(0);
    const Buffer workspace = pool.Allocate(static_cast<size_t>(RowContrastWorkspaceBytes<double>(contrast.rows)));
    Serial serial;
    return ComputeRowContrast(contrast, workspace.data(), cancelled, serial);
  }
};

TEST(RowContrastTest, HasTheLossOfItsDefinition) {
  Problem problem(3, 2, 0.7);
  double loss = 0;
  const auto row = [&](size_t i) { return &problem.views[i / 3][i % 3 * 2]; };
  for (size_t i = 0; i < 6; ++i) {
    double total = 0;
    double picked = 0;
    for (size_t k = 0; k < 6; ++k) {
      const double e = std::exp((row(i)[0] * row(k)[0] + row(i)[1] * row(k)[1]) / 0.7);
      if (k != i) total += e;
      if (k == (i + 3) % 6) picked = e;
    }
    loss += std::log(total / picked) / 6;
  }
  EXPECT_NEAR(problem.Run(), loss, 1e-13);
}

TEST(RowContrastTest, HasTheGradientOfItsDifferencesAcrossBlocks) {
  Problem problem(600, 2, 1.0);
  problem.contrast.weight = -2;
  problem.Run();
  const std::vector<double> gradient = problem.gradients[1];
  problem.contrast.gradients = {nullptr, nullptr};
  for (size_t e : {0, 511, 512, 777, 1199}) {
    constexpr double kStep = 1e-4;
    const double value = problem.views[1][e];
    problem.views[1][e] = value + kStep;
    const double above = problem.Run();
    problem.views[1][e] = value - kStep;
    const double below = problem.Run();
    problem.views[1][e] = value;
    EXPECT_NEAR(-2 * (above - below) / (2 * kStep), gradient[e], 1e-9);
  }
}

TEST(RowContrastTest, LeavesUnwantedGradientsOut) {
  Problem problem(300, 3, 0.5);
  const double loss = problem.Run();
  const std::vector<double> gradient = problem.gradients[0];
  problem.contrast.gradients[1] = nullptr;
  EXPECT_EQ(problem.Run(), loss);
  EXPECT_EQ(problem.gradients[0], gradient);
}

TEST(RowContrastTest, DoesNothingOnceCancelled) {
  Problem problem(4, 3, 0.5);
  const std::atomic<bool> cancelled = true;
  problem.Run(&cancelled);
  EXPECT_TRUE(std::isnan(problem.gradients[0][0]));
}

TEST(RowContrastTest, KeepsItsWorkspaceBounded) {
  EXPECT_LE(RowContrastWorkspaceBytes<float>(65536), 16 << 20);
  EXPECT_LE(RowContrastWorkspaceBytes<double>(65536), 32 << 20);
}

}  // namespace
}  // namespace lossd
