// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/cuda/score_sweeps.h"

#include <cmath>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

// A problem of raw scores, its loss -- the mean over own pairs of log(exp(own) + sum of the others) - own -- and its
// gradient, in plain double loops.
struct Problem {
  int64_t rows, columns;
  ScoreLink<double> link;
  ScoreRule rule;
  std::vector<double> x;

  Problem(int64_t row_count, int64_t column_count, ScoreLink<double> link_of, ScoreRule rule_of, double size)
      : rows(row_count), columns(column_count), link(link_of), rule(rule_of) {
    std::mt19937 random(static_cast<unsigned>(rows * 31 + columns));
    std::normal_distribution<double> normal(0, size);
    for (int64_t i = 0; i < rows * columns; ++i) x.push_back(static_cast<float>(normal(random)));
  }

  double Score(double raw) const {
    const double y = link.scale * raw + link.bias;
    return link.clip == 0 ? y : link.clip * std::tanh(y / link.clip);
  }
  int64_t pairs() const { return rows * rule.pairs; }

  double Loss(const std::vector<double>& at) const {
    double loss = 0;
    for (int64_t r = 0; r < rows; ++r) {
      double others = 0;
      for (int64_t c = 0; c < columns; ++c) {
        if (!rule.Excludes(r, c) && rule.OwnIndex(r, c) < 0) others += std::exp(Score(at[Place(r, c)]));
      }
      for (int64_t c = 0; c < columns; ++c) {
        if (rule.OwnIndex(r, c) < 0) continue;
        const double own = Score(at[Place(r, c)]);
        loss += std::log(std::exp(own) + others) - own;
      }
    }
    return loss / static_cast<double>(pairs());
  }

  double Sigmoid(const std::vector<double>& at) const {
    double loss = 0;
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) {
        const double z = rule.OwnIndex(r, c) >= 0 ? 1 : -1;
        loss += std::log1p(std::exp(-z * Score(at[Place(r, c)])));
      }
    }
    return loss;
  }

  template <typename LossOf>
  double Derivative(LossOf loss, size_t place) const {
    constexpr double kStep = 1e-5;
    std::vector<double> up = x;
    std::vector<double> down = x;
    up[place] += kStep;
    down[place] -= kStep;
    return (loss(up) - loss(down)) / (2 * kStep);
  }

  size_t Place(int64_t r, int64_t c) const { return static_cast<size_t>(r * columns + c); }
};

// The kernels' work in loops: tiles of so many columns, rows by so many threads whose sums are added pair by pair.
template <typename T>
class Sweeps {
 public:
  Sweeps(const Problem& problem, int64_t tile_columns, int threads)
      : problem_(problem),
        tile_columns_(tile_columns),
        threads_(threads),
        link_{static_cast<T>(problem.link.scale), static_cast<T>(problem.link.bias), static_cast<T>(problem.link.clip)},
        sums_(static_cast<size_t>(problem.rows)),
        own_(static_cast<size_t>(problem.pairs())) {}

  double Loss() {
    ForTiles([this](const ScoreTile<T>& tile) {
      for (int64_t r = 0; r < problem_.rows; ++r) sums_[static_cast<size_t>(r)].Add(Row(tile, r));
    });
    double loss = 0;
    for (size_t i = 0; i < own_.size(); ++i) loss += std::log1p(std::exp(-Margin(i)));
    return loss / static_cast<double>(own_.size());
  }

  // After Loss().
  std::vector<double> Gradient() {
    std::vector<T> weights(sums_.size(), 0);
    std::vector<T> own(own_.size());
    for (size_t i = 0; i < own_.size(); ++i) {
      const size_t row = i / static_cast<size_t>(problem_.rule.pairs);
      const double share = 1 / (1 + std::exp(Margin(i))) / static_cast<double>(own_.size());
      own[i] = static_cast<T>(-share);
      weights[row] += static_cast<T>(share / static_cast<double>(sums_[row].sum));
    }
    std::vector<double> gradient(problem_.x.size());
    ForTiles([&](const ScoreTile<T>& tile) {
      for (int64_t r = 0; r < problem_.rows; ++r) {
        const auto row = static_cast<size_t>(r);
        const RowGradient<T> of_row{sums_[row].maximum, weights[row], own.data() + r * problem_.rule.pairs};
        for (int64_t c = 0; c < tile.columns; ++c) {
          WriteScoreGradient(tile, r, c, link_, problem_.rule, of_row);
          gradient[problem_.Place(r, tile.first_column + c)] = tile.scores[r * tile.columns + c];
        }
      }
    });
    return gradient;
  }

  double Sigmoid(std::vector<double>& gradient) {
    gradient.resize(problem_.x.size());
    double loss = 0;
    ForTiles([&](const ScoreTile<T>& tile) {
      for (int64_t r = 0; r < problem_.rows; ++r) {
        for (int thread = 0; thread < threads_; ++thread) {
          loss += SweepSigmoidRow(tile, r, link_, problem_.rule, T{1}, thread, threads_);
        }
        for (int64_t c = 0; c < tile.columns; ++c) {
          gradient[problem_.Place(r, tile.first_column + c)] = tile.scores[r * tile.columns + c];
        }
      }
    });
    return loss;
  }

 private:
  // own - log(sum of the others).
  double Margin(size_t pair) const {
    const RunningSum<T>& sum = sums_[pair / static_cast<size_t>(problem_.rule.pairs)];
    return static_cast<double>(own_[pair]) - static_cast<double>(sum.maximum) - std::log(static_cast<double>(sum.sum));
  }

  RunningSum<T> Row(const ScoreTile<T>& tile, int64_t r) {
    std::vector<RunningSum<T>> parts;
    for (int thread = 0; thread < threads_; ++thread) {
      parts.push_back(SweepRow(tile, r, link_, problem_.rule, own_.data() + r * problem_.rule.pairs, thread, threads_));
    }
    for (size_t half = parts.size() / 2; half > 0; half /= 2) {
      for (size_t i = 0; i < half; ++i) parts[i].Add(parts[i + half]);
    }
    return parts[0];
  }

  template <typename Body>
  void ForTiles(Body body) {
    for (int64_t first = 0; first < problem_.columns; first += tile_columns_) {
      const int64_t columns = std::min(tile_columns_, problem_.columns - first);
      std::vector<T> scores;
      for (int64_t r = 0; r < problem_.rows; ++r) {
        for (int64_t c = 0; c < columns; ++c)
          scores.push_back(static_cast<T>(problem_.x[problem_.Place(r, first + c)]));
      }
      body(ScoreTile<T>{scores.data(), columns, 0, first});
    }
  }

  const Problem& problem_;
  const int64_t tile_columns_;
  const int threads_;
  const ScoreLink<T> link_;
  std::vector<RunningSum<T>> sums_;
  std::vector<T> own_;
};

std::vector<Problem> Problems() {
  return {
      {5, 5, {1, 0, 0}, {1, 0, false}, 3},            // info_nce: the diagonal.
      {14, 14, {2, 0, 0}, {1, 7, true}, 2},           // nt_xent: the next view, without itself.
      {3, 21, {0.3, 0, 10}, {7, 0, false}, 20},       // Maps: blocks of locations, clipped.
      {4, 9, {10, -10, 0}, {1, 0, false}, 0.1},       // siglip's scale and bias.
      {1, 300, {1, 0, 2}, {1, 0, false}, 5},          // One row, more columns than threads.
      {70, 70, {14.2857, 0, 0}, {1, 0, false}, 0.3},  // clip.
  };
}

TEST(ScoreSweepsTest, LossIsTheNaiveOneHoweverTheTilesAreCut) {
  for (const Problem& problem : Problems()) {
    const double expected = problem.Loss(problem.x);
    for (const int64_t tile : {int64_t{1}, int64_t{4}, int64_t{7}, problem.columns}) {
      for (const int threads : {1, 8, 64}) {
        EXPECT_NEAR(Sweeps<double>(problem, tile, threads).Loss(), expected, 1e-12 * std::max(1.0, expected));
        EXPECT_NEAR(Sweeps<float>(problem, tile, threads).Loss(), expected, 1e-6 * std::max(1.0, expected));
      }
    }
  }
}

TEST(ScoreSweepsTest, GradientIsTheDerivative) {
  for (const Problem& problem : Problems()) {
    Sweeps<double> exact(problem, 4, 8);
    Sweeps<float> rounded(problem, 4, 8);
    exact.Loss();
    rounded.Loss();
    const std::vector<double> gradient = exact.Gradient();
    const std::vector<double> in_float = rounded.Gradient();
    double largest = 0;
    for (const double one : gradient) largest = std::max(largest, std::abs(one));
    for (size_t i = 0; i < gradient.size(); i += 1 + gradient.size() / 50) {
      EXPECT_NEAR(gradient[i], problem.Derivative([&](const auto& at) { return problem.Loss(at); }, i), 1e-8);
      EXPECT_NEAR(in_float[i], gradient[i], 2e-6 * largest);
    }
  }
}

TEST(ScoreSweepsTest, SigmoidOfEveryPairAndItsDerivative) {
  for (const Problem& problem : Problems()) {
    std::vector<double> gradient;
    std::vector<double> in_float;
    const double loss = Sweeps<double>(problem, 4, 8).Sigmoid(gradient);
    const double expected = problem.Sigmoid(problem.x);
    EXPECT_NEAR(loss, expected, 1e-12 * std::max(1.0, expected));
    EXPECT_NEAR(Sweeps<float>(problem, 4, 8).Sigmoid(in_float), expected, 1e-5 * std::max(1.0, expected));
    for (size_t i = 0; i < gradient.size(); i += 1 + gradient.size() / 50) {
      EXPECT_NEAR(gradient[i], problem.Derivative([&](const auto& at) { return problem.Sigmoid(at); }, i),
                  1e-6 * std::max(1.0, std::abs(gradient[i])));
      EXPECT_NEAR(in_float[i], gradient[i], 1e-5 * std::max(1.0, std::abs(gradient[i])));
    }
  }
}

TEST(ScoreSweepsTest, LargeScoresNeitherOverflowNorVanish) {
  RunningSum<float> sum;
  for (const float s : {-1e30F, 3e37F, 3e37F, -1e38F}) sum.Add(s);
  EXPECT_EQ(sum.maximum, 3e37F);
  EXPECT_EQ(sum.sum, 2);
  RunningSum<float> empty;
  empty.Add(RunningSum<float>());
  EXPECT_EQ(empty.sum, 0);
  empty.Add(sum);
  EXPECT_EQ(empty.sum, 2);
  EXPECT_EQ((ScoreLink<float>{1, 0, 10}.Slope(1e30F)), 0);
  EXPECT_EQ((ScoreLink<float>{1, 0, 10}.Score(1e30F)), 10);
}

TEST(ScoreSweepsTest, RowsOwnColumnsAndExclusions) {
  const ScoreRule blocks{3, 0, false};
  EXPECT_EQ(blocks.OwnIndex(2, 7), 1);
  EXPECT_EQ(blocks.OwnIndex(2, 9), -1);
  const ScoreRule views{1, 4, true};
  EXPECT_EQ(views.OwnIndex(1, 5), 0);
  EXPECT_EQ(views.OwnIndex(5, 1), 0);
  EXPECT_EQ(views.OwnIndex(5, 5), -1);
  EXPECT_TRUE(views.Excludes(5, 5));
}

}  // namespace
}  // namespace lossd
