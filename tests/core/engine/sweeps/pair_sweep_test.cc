// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/sweeps/pair_sweep.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "core/engine/sweeps/host_sweeps.h"
#include "core/engine/sweeps/pair_tile_sweeps.h"
#include "gtest/gtest.h"
#include "tests/core/engine/sweeps/sweep_derivatives.h"

namespace lossd {
namespace {

using ::lossd::testing::DrawNumbers;
using ::lossd::testing::ExpectGradient;

// A problem of raw scores in plain double loops.
struct Problem {
  int64_t rows = 0;
  int64_t columns = 0;
  PairRule<double> rule;  // Without pointers.
  bool masked = false;
  bool weighted = false;
  bool both_sides = false;
  double scale = 1;
  double size = 1;  // Of a raw score.

  int64_t PairOf(int64_t row) const { return rule.views > 0 ? (row + rule.views) % (2 * rule.views) : row; }
  std::vector<double> Scores() const { return DrawNumbers(Count(), size, static_cast<unsigned>(rows * 31 + columns)); }
  std::vector<double> Similarities() const { return DrawNumbers(Count(), 1, 17); }
  std::vector<double> Bounds() const { return DrawNumbers(static_cast<size_t>(rows), 1, 18); }
  std::vector<double> Weights() const { return DrawNumbers(static_cast<size_t>(rows), 1, 19); }
  size_t Count() const { return static_cast<size_t>(rows * columns); }

  double Of(const std::vector<double>& others, double pair_score, double weight) const {
    double largest = -std::numeric_limits<double>::infinity();
    for (const double other : others) largest = std::max(largest, other);
    double sum = 0;
    double scores = pair_score;
    for (const double other : others) {
      sum += std::exp(other - largest);
      scores += other;
    }
    const double n = others.empty() ? largest : largest + std::log(sum);
    if (!rule.pair_in_denominator) return n - weight * pair_score;
    const double all = std::max(n, pair_score) + std::log1p(std::exp(-std::abs(n - pair_score)));
    const double even = all - scores / static_cast<double>(others.size() + 1);
    return (1 - rule.smoothing) * (all - pair_score) + rule.smoothing * even;
  }

  // The loss of raw scores. What decides which of them leave is drawn once.
  auto LossOf() const {
    return [this, similarities = Similarities(), bounds = Bounds(), weights = Weights()](const std::vector<double>& x) {
      return Loss(x, similarities, bounds, weights);
    };
  }

 private:
  double Loss(const std::vector<double>& x, const std::vector<double>& similarities, const std::vector<double>& bounds,
              const std::vector<double>& weights) const {
    double loss = 0;
    for (int64_t i = 0; i < rows; ++i) {
      std::vector<double> of_row;
      std::vector<double> of_column;
      for (int64_t k = 0; k < columns; ++k) {
        const auto place = static_cast<size_t>(i * columns + k);
        const bool leaves = masked && similarities[place] > bounds[static_cast<size_t>(i)];
        if (k != PairOf(i) && !leaves && !(rule.excludes_self && k == i)) of_row.push_back(scale * x[place]);
      }
      for (int64_t j = 0; j < rows && both_sides; ++j) {
        const auto place = static_cast<size_t>(j * columns + i);
        if (j != i && !(masked && similarities[place] > bounds[static_cast<size_t>(i)])) {
          of_column.push_back(scale * x[place]);
        }
      }
      const double pair_score = scale * x[static_cast<size_t>(i * columns + PairOf(i))];
      loss += rule.share * Of(of_row, pair_score, weighted ? weights[static_cast<size_t>(i)] : 1);
      if (both_sides) loss += rule.share * Of(of_column, pair_score, 1);
    }
    return loss;
  }
};

struct Outcome {
  double loss = 0;
  double right = 0;
  std::vector<double> gradient;
};

// The sweeps' way, in blocks of so many rows, and of so many columns where both sides are summed, for two groups: the
// problem, and one of twice its scores and half its scale, which comes to the same. In place, as the losses run them.
template <typename T>
class SweepRun {
 public:
  SweepRun(const Problem& problem, int64_t block_rows, int64_t block_columns = 7)
      : problem_(problem),
        block_rows_(block_rows),
        block_columns_(problem.both_sides ? block_columns : problem.columns),
        weights_(Twice<double>(problem.Weights())),
        bounds_(Twice<T>(problem.Bounds())),
        terms_(weights_.size()),
        column_terms_(weights_.size()),
        row_sums_(weights_.size()),
        column_sums_(weights_.size()),
        pair_scores_(weights_.size()),
        numbers_(3 * weights_.size()) {}

  std::vector<Outcome> Run() {
    if (problem_.both_sides) {
      ForBlocks([this](PairSweep<T>& sweep) {
        sweep.block.gradient.wide = nullptr;
        SumTile(sweep);
      });
      host_.Run(PairTerms<T>{Rule(), 2, problem_.rows, row_sums_.data(), pair_scores_.data(), terms_.data(),
                             numbers_.data(), numbers_.data() + 2 * problem_.rows, 3});
      host_.Run(PairTerms<T>{Rule(), 2, problem_.rows, column_sums_.data(), pair_scores_.data(), column_terms_.data(),
                             numbers_.data() + problem_.rows, nullptr, 3});
    }
    ForBlocks([this](PairSweep<T>& sweep) {
      sweep.sums = !problem_.both_sides;
      if (problem_.both_sides) sweep.column_terms = column_terms_.data();
      host_.Run(sweep);
    });
    for (size_t group = 0; group < 2; ++group) {
      for (size_t row = 0; row < static_cast<size_t>(problem_.rows); ++row) {
        const double* const number = numbers_.data() + 3 * group * static_cast<size_t>(problem_.rows) + row;
        outcomes_[group].loss += number[0] + number[problem_.rows];
        outcomes_[group].right += number[2 * problem_.rows];
      }
      // By the raw scores: the second group's are scaled by half as much.
      for (double& slope : outcomes_[group].gradient) slope *= problem_.scale;
    }
    return outcomes_;
  }

 private:
  void SumTile(const PairSweep<T>& sweep) {
    const ScoreBlock<T>& block = sweep.block;
    auto parts = PairTileParts<T>::Of(block.rows, block.columns, block.first_column, problem_.rows);
    std::vector<PairSums<T>> of_rows(2 * static_cast<size_t>(parts.row_states()));
    std::vector<PairSums<T>> of_columns(2 * static_cast<size_t>(parts.column_states()));
    parts.of_rows = of_rows.data();
    parts.of_columns = of_columns.data();
    host_.Run(PairTileSums<T>{block, sweep.rule, parts, pair_scores_.data()});
    host_.Run(PairTileTotals<T>{parts, 2, problem_.rows, block.first_row, block.first_column, row_sums_.data(),
                                column_sums_.data()});
  }

  template <typename Number>
  static std::vector<Number> Twice(const std::vector<double>& numbers) {
    std::vector<Number> twice(numbers.begin(), numbers.end());
    twice.insert(twice.end(), numbers.begin(), numbers.end());
    return twice;
  }

  PairRule<T> Rule() const {
    PairRule<T> rule;
    rule.views = problem_.rule.views;
    rule.excludes_self = problem_.rule.excludes_self;
    rule.share = problem_.rule.share;
    rule.smoothing = problem_.rule.smoothing;
    rule.pair_in_denominator = problem_.rule.pair_in_denominator;
    if (problem_.masked) rule.bounds = bounds_.data();
    if (problem_.weighted) rule.pair_weights = weights_.data();
    return rule;
  }

  // A part of the numbers of all rows and columns, for both groups.
  std::vector<T> PartOf(const std::vector<double>& all, int64_t row, int64_t rows, int64_t column,
                        int64_t columns) const {
    std::vector<double> part;
    for (int64_t i = row; i < row + rows; ++i) {
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(i * problem_.columns + column);
      part.insert(part.end(), begin, begin + static_cast<std::ptrdiff_t>(columns));
    }
    return Twice<T>(part);
  }

  template <typename Body>
  void ForBlocks(const Body& body) {
    for (Outcome& outcome : outcomes_) outcome.gradient.resize(problem_.Count());
    for (int64_t row = 0; row < problem_.rows; row += block_rows_) {
      const int64_t rows = std::min(block_rows_, problem_.rows - row);
      for (int64_t column = 0; column < problem_.columns; column += block_columns_) {
        RunBlock(row, rows, column, std::min(block_columns_, problem_.columns - column), body);
      }
    }
  }

  template <typename Body>
  void RunBlock(int64_t row, int64_t rows, int64_t column, int64_t columns, const Body& body) {
    std::vector<T> block = PartOf(scores_, row, rows, column, columns);
    for (size_t i = block.size() / 2; i < block.size(); ++i) block[i] *= 2;
    const std::vector<T> masks = PartOf(similarities_, row, rows, column, columns);
    PairSweep<T> sweep;
    sweep.block = {block.data(), {block.data()}, 2, rows, columns, row, problem_.rows, {{scales_}}, column};
    sweep.rule = Rule();
    if (problem_.masked) sweep.rule.similarities = masks.data();
    sweep.terms = terms_.data();
    sweep.losses = numbers_.data();
    sweep.right = numbers_.data() + 2 * problem_.rows;
    sweep.numbers = 3;
    body(sweep);
    if (sweep.block.gradient.wide == nullptr) return;
    for (size_t i = 0; i < block.size(); ++i) {
      const auto within = static_cast<int64_t>(i % (block.size() / 2));
      const int64_t place = (row + within / columns) * problem_.columns + column + within % columns;
      outcomes_[2 * i / block.size()].gradient[static_cast<size_t>(place)] = static_cast<double>(block[i]);
    }
  }

  const Problem problem_;
  const int64_t block_rows_;
  const int64_t block_columns_;
  const std::vector<double> scores_ = problem_.Scores();
  const std::vector<double> similarities_ = problem_.Similarities();
  const double scales_[2] = {problem_.scale, problem_.scale / 2};
  const std::vector<double> weights_;
  const std::vector<T> bounds_;
  std::vector<PairTerm<T>> terms_;
  std::vector<PairTerm<T>> column_terms_;
  std::vector<PairSums<T>> row_sums_;
  std::vector<PairSums<T>> column_sums_;
  std::vector<double> pair_scores_;
  std::vector<double> numbers_;  // [groups, 3, rows]
  std::vector<Outcome> outcomes_{2};
  const HostSweeps host_;
};

std::vector<Problem> Problems() {
  std::vector<Problem> problems;
  for (const auto& [rows, columns] : {std::pair{1, 1}, {3, 5}, {17, 300}, {70, 70}}) {
    const double share = 1.0 / rows;
    for (const bool masked : {false, true}) {
      problems.push_back({rows, columns, {.share = share}, masked});
      problems.push_back({rows, columns, {.share = share, .smoothing = 0.2}, masked});
      problems.push_back({rows, columns, {.share = share / 2}, masked, false, true, -1.5});
      problems.push_back({rows, columns, {.share = share / 2, .smoothing = 0.1}, masked, false, true, 3});
    }
  }
  for (const bool masked : {false, true}) {  // Of several patches and strips.
    problems.push_back({150, 520, {.share = 0.01}, masked, false, true, 2});
  }
  for (const int64_t views : {1, 4, 141}) {
    problems.push_back({2 * views, 2 * views, {.views = views, .excludes_self = true, .share = 0.5}});
  }
  problems.push_back({2 * 33, 2 * 33, {.views = 33, .excludes_self = true, .pair_in_denominator = false}, false, true});
  return problems;
}

TEST(PairSweepTest, AgreesWithDoubleLoopsInBlocksThatDoNotDivide) {
  for (const Problem& problem : Problems()) {
    SCOPED_TRACE(::testing::Message() << problem.rows << " x " << problem.columns << ", masked " << problem.masked
                                      << ", both sides " << problem.both_sides << ", smoothing "
                                      << problem.rule.smoothing);
    const auto loss = problem.LossOf();
    const double expected = loss(problem.Scores());
    for (const auto& [block_rows, block_columns] :
         {std::pair{int64_t{4}, int64_t{7}}, {problem.rows, problem.columns}}) {
      for (const Outcome& outcome : SweepRun<double>(problem, block_rows, block_columns).Run()) {
        if (!std::isfinite(expected)) {  // No negative at all.
          EXPECT_EQ(outcome.loss, expected);
          continue;
        }
        EXPECT_NEAR(outcome.loss, expected, 1e-12 * std::max(1.0, std::abs(expected)));
        ExpectGradient(outcome.gradient, loss, problem.Scores());
      }
      for (const Outcome& outcome : SweepRun<float>(problem, block_rows, block_columns).Run()) {
        EXPECT_NEAR(outcome.loss, expected, 1e-6 * std::max(1.0, std::abs(expected)));
      }
      if (HasFailure()) return;
    }
  }
}

TEST(PairSweepTest, EqualScoresGiveTheLogarithmOfTheirNumberAndLargeOnesStayFinite) {
  Problem problem{8, 8, {.share = 1.0 / 8}, false, false, false, 1, 0};
  EXPECT_NEAR(SweepRun<float>(problem, 3).Run()[0].loss, std::log(8.0), 1e-7);
  EXPECT_EQ(SweepRun<float>(problem, 3).Run()[0].right, 8);
  problem.size = 1;
  problem.scale = 1e30;
  for (const Outcome& outcome : SweepRun<float>(problem, 3).Run()) {
    EXPECT_TRUE(std::isfinite(outcome.loss));
    for (const double slope : outcome.gradient) EXPECT_TRUE(std::isfinite(slope));
  }
}

TEST(PairSweepTest, RoundsTheGradientToBfloat16WhereThatIsAskedFor) {
  const std::vector<float> scores = {1, 2, 3, 4};
  std::vector<uint16_t> narrow(4);
  std::vector<float> wide(4);
  std::vector<PairTerm<float>> terms(2);
  std::vector<double> losses(2);
  const HostSweeps host;
  PairSweep<float> sweep;
  sweep.block = {scores.data(), {wide.data()}, 1, 2, 2, 0, 2, {}};
  sweep.terms = terms.data();
  sweep.losses = losses.data();
  host.Run(sweep);
  sweep.block.gradient = {nullptr, narrow.data()};
  host.Run(sweep);
  for (size_t i = 0; i < 4; ++i) {
    const float back = std::bit_cast<float>(static_cast<uint32_t>(narrow[i]) << 16);
    EXPECT_NE(wide[i], 0);
    EXPECT_NEAR(back, wide[i], std::abs(wide[i]) / 256);
  }
}

}  // namespace
}  // namespace lossd
