// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast_steps.h"

#include <cmath>
#include <numeric>
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

ContrastProblem ProblemOf(const StepContrastShape& shape) {
  ContrastProblem problem;
  problem.rows = {{.count = shape.rows()}};
  problem.columns = {{.count = shape.columns()}};
  problem.width = shape.width;
  problem.pairs = ContrastProblem::Pairs::kSteps;
  problem.line = shape.line;
  problem.steps = shape.steps;
  return problem;
}

// A contrast with memory of its own.
template <typename T>
struct ContrastRun {
  ContrastProblem problem;
  std::vector<T> rows, columns, row_gradient, column_gradient;
  std::vector<double> step_weights, step_losses;
  BufferPool pool{0};

  // With step i's loss weighing i.
  ContrastRun(const StepContrastShape& s, std::vector<T> r, std::vector<T> c, Parallel& parallel)
      : problem(ProblemOf(s)), rows(std::move(r)), columns(std::move(c)) {
    Workspace counter(nullptr);
    TakeStepContrastMemory<T>(problem, counter);
    const Buffer buffer = pool.Allocate(static_cast<size_t>(counter.bytes()));
    Workspace workspace(buffer.data());
    row_gradient.resize(rows.size());
    column_gradient.resize(columns.size());
    step_losses.resize(static_cast<size_t>(problem.steps));
    step_weights.resize(step_losses.size());
    std::iota(step_weights.begin(), step_weights.end(), 1.0);
    const StepOperands<T> contrast = {.rows = rows.data(),
                                      .columns = columns.data(),
                                      .scale = 0.5,
                                      .step_weights = step_weights,
                                      .memory = TakeStepContrastMemory<T>(problem, workspace),
                                      .step_losses = step_losses.data(),
                                      .row_gradient = row_gradient.data(),
                                      .column_gradient = column_gradient.data()};
    RunStepContrasts<T>(problem, {&contrast, 1}, parallel);
  }

  double Loss() const {
    double loss = 0;
    for (size_t i = 0; i < step_losses.size(); ++i) loss += step_weights[i] * step_losses[i];
    return loss;
  }
};

template <typename T>
ContrastRun<T> RunDrawn(const StepContrastShape& shape, Parallel& parallel) {
  return ContrastRun<T>(shape, Draw<T>(shape.rows() * shape.width, 1), Draw<T>(shape.columns() * shape.width, 2),
                        parallel);
}

TEST(ContrastStepsTest, EqualScoresGiveTheLogarithmOfTheNumberOfColumns) {
  Serial serial;
  const StepContrastShape shape = {.steps = 4, .line = 12, .width = 2};
  const ContrastRun<float> run(shape, std::vector<float>(static_cast<size_t>(shape.rows() * 2), 0.0F),
                               Draw<float>(shape.columns() * 2, 2), serial);
  for (const double step_loss : run.step_losses) EXPECT_NEAR(step_loss, std::log(3 * 6 * 4), 1e-6);
}

// With columns e_t, the unit vectors, the gradient with respect to rows is that with respect to scores.
TEST(ContrastStepsTest, RowsOfTheScoresGradientSumToZero) {
  Serial serial;
  const StepContrastShape shape = {.steps = 3, .line = 6, .width = 30};
  std::vector<double> columns(30 * 30);
  for (size_t t = 0; t < 30; ++t) columns[t * 30 + t] = 1;
  const ContrastRun<double> run(shape, Draw<double>(shape.rows() * 30, 1, 3), columns, serial);
  for (int64_t p = 0; p < shape.rows(); ++p) {
    double sum = 0;
    for (int64_t t = 0; t < 30; ++t) sum += run.row_gradient[static_cast<size_t>(p * 30 + t)];
    EXPECT_NEAR(sum, 0, 1e-16);
  }
}

TEST(ContrastStepsTest, GradientsAgreeWithCentralDifferences) {
  Serial serial;
  const StepContrastShape shape = {.steps = 3, .line = 6, .width = 4};
  const ContrastRun<double> run = RunDrawn<double>(shape, serial);
  constexpr double kStep = 1e-6;
  const auto difference = [&](std::vector<double> ContrastRun<double>::*which, size_t i) {
    const auto loss_at = [&](double step) {
      ContrastRun<double> moved = RunDrawn<double>(shape, serial);
      (moved.*which)[i] += step;
      return ContrastRun<double>(shape, moved.rows, moved.columns, serial).Loss();
    };
    return (loss_at(kStep) - loss_at(-kStep)) / (2 * kStep);
  };
  for (size_t i = 0; i < run.rows.size(); i += 5) {
    EXPECT_NEAR(run.row_gradient[i], difference(&ContrastRun<double>::rows, i), 1e-7);
  }
  for (size_t i = 0; i < run.columns.size(); i += 5) {
    EXPECT_NEAR(run.column_gradient[i], difference(&ContrastRun<double>::columns, i), 1e-7);
  }
}

constexpr StepContrastShape kOneStep = {.steps = 1, .line = 3, .width = 9};

// Its nine columns: the units of its nine dimensions.
std::vector<float> UnitColumns() {
  std::vector<float> columns(81);
  for (size_t t = 0; t < 9; ++t) columns[t * 9 + t] = 1;
  return columns;
}

// One step: each row has one positive, whose probability comes as close to 1 as scores allow.
TEST(ContrastStepsTest, KeepsTheDigitsOfGradientsThatVanish) {
  Serial serial;
  std::vector<float> rows(27);
  for (size_t x = 0; x < 3; ++x) rows[x * 9 + 6 + x] = 80;  // Score 40 for the positive, 0 for the others.
  const ContrastRun<float> run(kOneStep, rows, UnitColumns(), serial);
  const double others = 8 * std::exp(-40.0);
  EXPECT_NEAR(run.step_losses[0] / others, 1, 1e-6);
  for (size_t x = 0; x < 3; ++x) {
    EXPECT_NEAR(run.row_gradient[x * 9 + 6 + x] / (-0.5 * others / 3), 1, 1e-6);
    EXPECT_NEAR(run.row_gradient[x * 9] / (0.5 * std::exp(-40.0) / 3), 1, 1e-6);
  }
}

TEST(ContrastStepsTest, LossStaysFiniteWhereThePositivesExponentialVanishes) {
  Serial serial;
  std::vector<float> rows(27);
  for (size_t x = 0; x < 3; ++x) rows[x * 9] = 1e4F;
  const ContrastRun<float> run(kOneStep, rows, UnitColumns(), serial);
  EXPECT_NEAR(run.step_losses[0], 5e3, 1e-2);
}

// Rows and columns of stacks in the order of lines that hold all stacks: a permutation, which changes nothing.
TEST(ContrastStepsTest, StacksAreLinesThatLieApart) {
  Serial serial;
  const StepContrastShape stacks = {.stacks = 3, .steps = 2, .line = 4, .width = 5};
  const StepContrastShape lines = {.steps = 2, .line = 12, .width = 5};
  const auto in_lines = [&](const std::vector<double>& in_stacks, int64_t height) {
    std::vector<double> result(in_stacks.size());
    for (int64_t stack = 0; stack < 3; ++stack) {
      for (int64_t r = 0; r < height; ++r) {
        for (int64_t x = 0; x < 4 * 5; ++x) {
          result[static_cast<size_t>((r * 3 + stack) * 20 + x)] =
              in_stacks[static_cast<size_t>((stack * height + r) * 20 + x)];
        }
      }
    }
    return result;
  };
  const ContrastRun<double> apart = RunDrawn<double>(stacks, serial);
  const ContrastRun<double> joined(lines, in_lines(apart.rows, 2), in_lines(apart.columns, 4), serial);
  EXPECT_NEAR(apart.Loss(), joined.Loss(), 1e-12);
  const std::vector<double> row_gradient = in_lines(apart.row_gradient, 2);
  const std::vector<double> column_gradient = in_lines(apart.column_gradient, 4);
  for (size_t i = 0; i < row_gradient.size(); ++i) EXPECT_NEAR(row_gradient[i], joined.row_gradient[i], 1e-14);
  for (size_t i = 0; i < column_gradient.size(); ++i) EXPECT_NEAR(column_gradient[i], joined.column_gradient[i], 1e-14);
}

TEST(ContrastStepsTest, WavesAndThreadsDoNotChangeTheBytes) {
  const StepContrastShape shape = {.steps = 5, .line = 280, .width = 8};  // 1400 x 1960: three waves.
  Serial serial;
  ShuffledParallel shuffled(3, 5);
  const ContrastRun<float> alone = RunDrawn<float>(shape, serial);
  const ContrastRun<float> helped = RunDrawn<float>(shape, shuffled);
  EXPECT_EQ(alone.step_losses, helped.step_losses);
  EXPECT_EQ(alone.row_gradient, helped.row_gradient);
  EXPECT_EQ(alone.column_gradient, helped.column_gradient);
  const ContrastRun<double> exact(shape, {alone.rows.begin(), alone.rows.end()},
                                  {alone.columns.begin(), alone.columns.end()}, serial);
  EXPECT_NEAR(alone.Loss(), exact.Loss(), 1e-6 * exact.Loss());
  for (size_t i = 0; i < alone.column_gradient.size(); ++i) {
    ASSERT_NEAR(alone.column_gradient[i], exact.column_gradient[i], 1e-7);
  }
}

}  // namespace
}  // namespace lossd
