// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/sweeps/step_sweep.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "core/engine/sweeps/host_sweeps.h"
#include "gtest/gtest.h"
#include "tests/core/engine/sweeps/sweep_derivatives.h"

namespace lossd {
namespace {

using ::lossd::testing::DrawNumbers;
using ::lossd::testing::ExpectGradient;

// A problem of raw scores in plain double loops.
struct Problem {
  int64_t stacks = 1;
  int64_t steps = 1;
  int64_t line = 1;
  double scale = 1;
  double size = 1;  // Of a raw score.

  int64_t rows() const { return stacks * steps * line; }
  int64_t columns() const { return stacks * (steps + 2) * line; }
  size_t Count() const { return static_cast<size_t>(rows() * columns()); }
  std::vector<double> Scores() const { return DrawNumbers(Count(), size, static_cast<unsigned>(rows() * 31 + line)); }
  double Share(int64_t step) const { return 0.3 + 0.2 * static_cast<double>(step); }

  // Of all rows together.
  std::vector<double> StepLosses(const std::vector<double>& x) const {
    std::vector<double> losses(static_cast<size_t>(steps));
    for (int64_t stack = 0; stack < stacks; ++stack) {
      for (int64_t r = 0; r < steps; ++r) {
        for (int64_t place = 0; place < line; ++place) {
          const double* const row = x.data() + ((stack * steps + r) * line + place) * columns();
          double largest = row[0] * scale;
          for (int64_t c = 0; c < columns(); ++c) largest = std::max(largest, row[c] * scale);
          double sum = 0;
          for (int64_t c = 0; c < columns(); ++c) sum += std::exp(row[c] * scale - largest);
          for (int64_t j = 1; j <= steps - r; ++j) {
            const int64_t pair = (stack * (steps + 2) + r + j + 1) * line + place;
            losses[static_cast<size_t>(j - 1)] += std::log(sum) + largest - row[pair] * scale;
          }
        }
      }
    }
    return losses;
  }
  double Loss(const std::vector<double>& x) const {
    double loss = 0;
    const std::vector<double> losses = StepLosses(x);
    for (int64_t j = 0; j < steps; ++j) loss += Share(j) * losses[static_cast<size_t>(j)];
    return loss;
  }
};

struct Outcome {
  std::vector<double> step_losses;
  std::vector<double> gradient;  // By the raw scores.
};

// The sweep's way, in blocks of so many rows, for two groups: the problem, and one of twice its scores and half its
// scale. In place, as the losses run it; the second group's numbers lie beyond a gap.
template <typename T>
std::vector<Outcome> SweepAll(const Problem& problem, int64_t block_rows) {
  const int64_t rows = problem.rows();
  const int64_t columns = problem.columns();
  const std::vector<double> scores = problem.Scores();
  const std::vector<double> scales = {problem.scale, problem.scale / 2};
  std::vector<double> shares;
  for (int64_t j = 0; j < 2 * problem.steps; ++j) shares.push_back(problem.Share(j % problem.steps));
  std::vector<double> numbers(static_cast<size_t>(2 * (problem.steps + 1) * rows), NAN);
  std::vector<double> margins(static_cast<size_t>(2 * problem.steps * rows), NAN);
  std::vector<Outcome> outcomes(2);
  for (int64_t first = 0; first < rows; first += block_rows) {
    const int64_t count = std::min(block_rows, rows - first);
    std::vector<T> block;
    for (const double factor : {1.0, 2.0}) {
      for (int64_t e = first * columns; e < (first + count) * columns; ++e) {
        block.push_back(static_cast<T>(factor * scores[static_cast<size_t>(e)]));
      }
    }
    StepSweep<T> sweep;
    sweep.block.scores = block.data();
    sweep.block.gradient.wide = block.data();
    sweep.block.groups = 2;
    sweep.block.rows = count;
    sweep.block.columns = columns;
    sweep.block.first_row = first;
    sweep.block.all_rows = rows;
    sweep.block.scale.factors[0] = scales.data();
    sweep.steps = problem.steps;
    sweep.line = problem.line;
    sweep.shares = shares.data();
    sweep.losses = numbers.data();
    sweep.numbers = problem.steps + 1;
    sweep.margins = margins.data();
    HostSweeps().Run(sweep);
    for (size_t g = 0; g < 2; ++g) {
      const auto of_group = block.begin() + static_cast<std::ptrdiff_t>(g) * count * columns;
      outcomes[g].gradient.insert(outcomes[g].gradient.end(), of_group, of_group + count * columns);
    }
  }
  for (size_t g = 0; g < 2; ++g) {
    for (int64_t j = 0; j < problem.steps; ++j) {
      double sum = 0;
      for (int64_t i = 0; i < rows; ++i) {
        sum += numbers[static_cast<size_t>((static_cast<int64_t>(g) * (problem.steps + 1) + j) * rows + i)];
      }
      outcomes[g].step_losses.push_back(sum);
    }
  }
  return outcomes;
}

// Extents that no number of threads divides; more columns than a block has threads, and more steps.
std::vector<Problem> Problems() {
  return {{1, 1, 1, 1, 1}, {3, 2, 5, 0.5, 2}, {1, 4, 37, 1, 3}, {5, 3, 7, 2, 1}, {1, 61, 2, 0.25, 4}, {2, 5, 7, 1, 60}};
}

TEST(StepSweepTest, HasTheLossesAndTheGradientOfItsDefinition) {
  for (const Problem& problem : Problems()) {
    const std::vector<double> x = problem.Scores();
    const std::vector<double> expected = problem.StepLosses(x);
    for (const int64_t block_rows : {problem.rows(), (problem.rows() + 2) / 3}) {
      const std::vector<Outcome> outcomes = SweepAll<double>(problem, block_rows);
      for (size_t j = 0; j < expected.size(); ++j) {
        EXPECT_NEAR(outcomes[0].step_losses[j], expected[j], 1e-12 * std::max(1.0, expected[j]));
        EXPECT_EQ(outcomes[1].step_losses[j], outcomes[0].step_losses[j]);
      }
      ExpectGradient(
          outcomes[0].gradient, [&](const std::vector<double>& at) { return problem.Loss(at); }, x);
      for (size_t e = 0; e < x.size(); ++e) ASSERT_EQ(outcomes[1].gradient[e], outcomes[0].gradient[e] / 2);
    }
  }
}

TEST(StepSweepTest, FloatsAreAsCloseAsFloatsCanBe) {
  for (const Problem& problem : Problems()) {
    const Outcome exact = SweepAll<double>(problem, problem.rows())[0];
    const Outcome got = SweepAll<float>(problem, problem.rows())[0];
    double largest = 0;
    for (const double slope : exact.gradient) largest = std::max(largest, std::abs(slope));
    for (size_t j = 0; j < exact.step_losses.size(); ++j) {
      EXPECT_NEAR(got.step_losses[j], exact.step_losses[j], 1e-6 * std::max(1.0, exact.step_losses[j]));
    }
    for (size_t e = 0; e < got.gradient.size(); ++e) {
      // An ulp of the score is as much of its exponential.
      ASSERT_NEAR(got.gradient[e], exact.gradient[e], 1e-6 * largest * std::max(1.0, problem.size));
    }
  }
}

// A pair's probability as close to 1 as scores allow: its entry is minus the sum of the others, to its last digits.
TEST(StepSweepTest, KeepsTheDigitsOfGradientsThatVanish) {
  std::vector<double> scores(3);
  scores[2] = 80;  // One row, one step, three columns.
  const double share = 1;
  const double scale = 1;
  double loss = NAN;
  double margin = NAN;
  StepSweep<double> sweep;
  sweep.block.scores = scores.data();
  sweep.block.gradient.wide = scores.data();
  sweep.block.groups = sweep.block.rows = sweep.block.all_rows = 1;
  sweep.block.columns = 3;
  sweep.block.scale.factors[0] = &scale;
  sweep.shares = &share;
  sweep.losses = &loss;
  sweep.margins = &margin;
  HostSweeps().Run(sweep);
  const double other = std::exp(-80.0);
  EXPECT_NEAR(loss / (2 * other), 1, 1e-14);
  EXPECT_NEAR(scores[0] / other, 1, 1e-14);
  EXPECT_NEAR(scores[2] / (-2 * other), 1, 1e-14);
}

}  // namespace
}  // namespace lossd
