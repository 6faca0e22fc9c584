// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/cpc/cpc_contrast.h"

#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/loss_runs.h"

namespace lossd {
namespace {

using ::lossd::testing::ShuffledParallel;

template <typename T>
std::vector<T> Draw(int64_t count, uint64_t seed, double deviation = 1) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal(0, deviation);
  std::vector<T> values(static_cast<size_t>(count));
  for (T& value : values) value = static_cast<T>(normal(engine));
  return values;
}

// A contrast with memory of its own.
template <typename T>
struct ContrastRun {
  CpcContrastShape shape;
  std::vector<T> predictions, targets, prediction_gradient, target_gradient;
  std::vector<double> step_losses;
  BufferPool pool{0};

  ContrastRun(const CpcContrastShape& s, std::vector<T> p, std::vector<T> t, Parallel& parallel,
              StepWeighting weighting = StepWeighting::kReference)
      : shape(s), predictions(std::move(p)), targets(std::move(t)) {
    Workspace counter(nullptr);
    TakeContrastMemory<T>(shape, counter);
    const Buffer buffer = pool.Allocate(static_cast<size_t>(counter.bytes()));
    Workspace workspace(buffer.data());
    prediction_gradient.resize(predictions.size());
    target_gradient.resize(targets.size());
    step_losses.resize(static_cast<size_t>(shape.steps()));
    const CpcContrast<T> contrast = {.predictions = predictions.data(),
                                     .targets = targets.data(),
                                     .embed_scale = 0.5,
                                     .weighting = weighting,
                                     .memory = TakeContrastMemory<T>(shape, workspace),
                                     .step_losses = step_losses.data(),
                                     .prediction_gradient = prediction_gradient.data(),
                                     .target_gradient = target_gradient.data()};
    RunCpcContrast<T>(shape, {&contrast, 1}, parallel);
  }

  double Loss() const {
    double loss = 0;
    for (size_t i = 0; i < step_losses.size(); ++i) loss += static_cast<double>(i + 1) * step_losses[i];
    return loss;
  }
};

template <typename T>
ContrastRun<T> RunDrawn(const CpcContrastShape& shape, Parallel& parallel) {
  return ContrastRun<T>(shape, Draw<T>(shape.predictions() * shape.dim, 1), Draw<T>(shape.targets() * shape.dim, 2),
                        parallel);
}

TEST(CpcContrastTest, EqualScoresGiveTheLogarithmOfTheNumberOfTargets) {
  Serial serial;
  const CpcContrastShape shape = {.batch = 3, .height = 6, .width = 4, .dim = 2};
  const ContrastRun<float> run(shape, std::vector<float>(static_cast<size_t>(shape.predictions() * 2), 0.0F),
                               Draw<float>(shape.targets() * 2, 2), serial);
  for (const double step_loss : run.step_losses) EXPECT_NEAR(step_loss, std::log(3 * 6 * 4), 1e-6);
}

// With targets e_t, the unit vectors, the gradient with respect to predictions is that with respect to scores.
TEST(CpcContrastTest, RowsOfTheScoresGradientSumToZero) {
  Serial serial;
  const CpcContrastShape shape = {.batch = 2, .height = 5, .width = 3, .dim = 30};
  std::vector<double> targets(30 * 30);
  for (size_t t = 0; t < 30; ++t) targets[t * 30 + t] = 1;
  const ContrastRun<double> run(shape, Draw<double>(shape.predictions() * 30, 1, 3), targets, serial);
  for (int64_t p = 0; p < shape.predictions(); ++p) {
    double sum = 0;
    for (int64_t t = 0; t < 30; ++t) sum += run.prediction_gradient[static_cast<size_t>(p * 30 + t)];
    EXPECT_NEAR(sum, 0, 1e-16);
  }
}

TEST(CpcContrastTest, GradientsAgreeWithCentralDifferences) {
  Serial serial;
  const CpcContrastShape shape = {.batch = 2, .height = 5, .width = 3, .dim = 4};
  const ContrastRun<double> run = RunDrawn<double>(shape, serial);
  constexpr double kStep = 1e-6;
  const auto difference = [&](std::vector<double> ContrastRun<double>::*which, size_t i) {
    const auto loss_at = [&](double step) {
      ContrastRun<double> moved = RunDrawn<double>(shape, serial);
      (moved.*which)[i] += step;
      return ContrastRun<double>(shape, moved.predictions, moved.targets, serial).Loss();
    };
    return (loss_at(kStep) - loss_at(-kStep)) / (2 * kStep);
  };
  for (size_t i = 0; i < run.predictions.size(); i += 5) {
    EXPECT_NEAR(run.prediction_gradient[i], difference(&ContrastRun<double>::predictions, i), 1e-7);
  }
  for (size_t i = 0; i < run.targets.size(); i += 5) {
    EXPECT_NEAR(run.target_gradient[i], difference(&ContrastRun<double>::targets, i), 1e-7);
  }
}

// One dimension, h = 3: each prediction has one pick, whose probability comes as close to 1 as scores allow.
TEST(CpcContrastTest, KeepsTheDigitsOfGradientsThatVanish) {
  Serial serial;
  const CpcContrastShape shape = {.batch = 1, .height = 3, .width = 3, .dim = 9};
  std::vector<float> targets(81);
  for (size_t t = 0; t < 9; ++t) targets[t * 9 + t] = 1;
  std::vector<float> predictions(27);
  for (size_t x = 0; x < 3; ++x) predictions[x * 9 + 6 + x] = 80;  // Score 40 for the pick, 0 for the others.
  const ContrastRun<float> run(shape, predictions, targets, serial);
  const double others = 8 * std::exp(-40.0);
  EXPECT_NEAR(run.step_losses[0] / others, 1, 1e-6);
  for (size_t x = 0; x < 3; ++x) {
    EXPECT_NEAR(run.prediction_gradient[x * 9 + 6 + x] / (-0.5 * others / 3), 1, 1e-6);
    EXPECT_NEAR(run.prediction_gradient[x * 9] / (0.5 * std::exp(-40.0) / 3), 1, 1e-6);
  }
}

TEST(CpcContrastTest, LossStaysFiniteWhereThePicksExponentialVanishes) {
  Serial serial;
  const CpcContrastShape shape = {.batch = 1, .height = 3, .width = 3, .dim = 9};
  std::vector<float> targets(81);
  for (size_t t = 0; t < 9; ++t) targets[t * 9 + t] = 1;
  std::vector<float> predictions(27);
  for (size_t x = 0; x < 3; ++x) predictions[x * 9] = 1e4F;
  const ContrastRun<float> run(shape, predictions, targets, serial);
  EXPECT_NEAR(run.step_losses[0], 5e3, 1e-2);
}

TEST(CpcContrastTest, WavesAndThreadsDoNotChangeTheBytes) {
  const CpcContrastShape shape = {.batch = 40, .height = 7, .width = 7, .dim = 8};  // 1400 x 1960: three waves.
  Serial serial;
  ShuffledParallel shuffled(3, 5);
  const ContrastRun<float> alone = RunDrawn<float>(shape, serial);
  const ContrastRun<float> helped = RunDrawn<float>(shape, shuffled);
  EXPECT_EQ(alone.step_losses, helped.step_losses);
  EXPECT_EQ(alone.prediction_gradient, helped.prediction_gradient);
  EXPECT_EQ(alone.target_gradient, helped.target_gradient);
  const ContrastRun<double> exact(shape, {alone.predictions.begin(), alone.predictions.end()},
                                  {alone.targets.begin(), alone.targets.end()}, serial);
  EXPECT_NEAR(alone.Loss(), exact.Loss(), 1e-6 * exact.Loss());
  for (size_t i = 0; i < alone.target_gradient.size(); ++i) {
    ASSERT_NEAR(alone.target_gradient[i], exact.target_gradient[i], 1e-7);
  }
}

}  // namespace
}  // namespace lossd
