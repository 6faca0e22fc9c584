// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/column_moments.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "tests/core/engine/wide_parallel.h"

namespace lossd {
namespace {

// Terms and gradients against definitions: tests/core/losses/stated.
TEST(ColumnMomentsTest, DoublesTakeMoreMemory) {
  MomentsProblem problem;
  problem.rows = 100;
  problem.width = 50;
  EXPECT_GE(WorkspaceBytesOf<double>(problem), 2 * 100 * 50 * 8);
  EXPECT_LT(WorkspaceBytesOf<float>(problem), WorkspaceBytesOf<double>(problem));
}

TEST(ColumnMomentsTest, GivesUpWhenCancelled) {
  MomentsProblem problem;
  problem.rows = 4;
  problem.width = 300;
  const std::vector<float> view(1200, 1.0f);
  MomentsOperands<float> operands;
  operands.views = {view.data(), view.data()};
  BufferPool pool(0);
  Serial serial;
  const std::atomic<bool> cancelled = true;
  ComputeMoments(problem, operands, pool, &cancelled, serial);  // Returns.
}

TEST(ColumnMomentsTest, EqualViewsAreFullyCorrelated) {
  MomentsProblem problem;
  problem.rows = 3;
  problem.width = 1;
  problem.cross = true;
  problem.weights = {1, 1};
  const std::vector<double> view = {1, 2, 4};
  MomentsOperands<double> operands;
  operands.views = {view.data(), view.data()};
  BufferPool pool(0);
  Serial serial;
  EXPECT_EQ(ComputeMoments(problem, operands, pool, nullptr, serial).values[0], 0);
}

// Views of so many columns, and what ComputeMoments says of them.
class Views {
 public:
  Views(int64_t rows, int64_t width, bool cross) {
    problem_.rows = rows;
    problem_.width = width;
    problem_.cross = cross;
    problem_.weights = {0.3, 0.7, 0.2};
    problem_.eps = 1e-3;
    std::mt19937 engine(1);
    std::normal_distribution<double> normal(0.2, 1);
    for (std::vector<double>& view : views_) {
      view.resize(static_cast<size_t>(rows * width));
      for (double& element : view) element = normal(engine);
    }
  }

  std::vector<double>& operator[](size_t view) { return views_[view]; }
  const MomentsProblem& problem() const { return problem_; }

  double Loss(std::array<std::vector<double>, 2>* gradients = nullptr) {
    Serial serial;
    return LossOn(serial, gradients);
  }

  double LossOn(Parallel& parallel, std::array<std::vector<double>, 2>* gradients) {
    MomentsOperands<double> operands;
    operands.views = {views_[0].data(), views_[1].data()};
    operands.weight = 1;
    for (size_t view = 0; gradients != nullptr && view < 2; ++view) {
      (*gradients)[view].resize(views_[view].size());
      operands.gradients[view] = (*gradients)[view].data();
    }
    BufferPool pool(0);
    return ComputeMoments(problem_, operands, pool, nullptr, parallel).values[0];
  }

 private:
  MomentsProblem problem_;
  std::array<std::vector<double>, 2> views_;
};

// Of narrow blocks and of wide ones, the last of them partial.
constexpr int64_t kWidths[] = {3, 300, 1100};

TEST(ColumnMomentsTest, CovariancesOfAllBlocksCount) {
  for (const int64_t width : kWidths) {
    Views views(3, width, false);
    const auto columns = static_cast<size_t>(width);
    double want = 0;
    for (size_t view = 0; view < 2; ++view) {
      std::vector<double>& x = views[view];
      for (size_t d = 0; d < columns; ++d) {
        const double mean = (x[d] + x[columns + d] + x[2 * columns + d]) / 3;
        for (size_t n = 0; n < 3; ++n) x[n * columns + d] -= mean;
      }
      for (size_t d = 0; d < columns; ++d) {
        for (size_t e = 0; e < columns; ++e) {
          double product = 0;
          for (size_t n = 0; n < 3; ++n) product += x[n * columns + d] * x[n * columns + e];
          if (d == e) {
            want += 0.7 * std::max(0.0, 1 - std::sqrt(product / 2 + 1e-3)) / (2 * static_cast<double>(width));
          } else {
            want += 0.2 * product * product / 4 / static_cast<double>(width);
          }
        }
      }
    }
    for (size_t i = 0; i < views[0].size(); ++i) {
      const double distance = views[0][i] - views[1][i];
      want += 0.3 * distance * distance / static_cast<double>(views[0].size());
    }
    EXPECT_NEAR(views.Loss(), want, 1e-11 * want) << width;
  }
}

TEST(ColumnMomentsTest, GradientsAreTheSlopesOfTheLoss) {
  for (const int64_t width : kWidths) {
    for (const bool cross : {false, true}) {
      Views views(4, width, cross);
      std::array<std::vector<double>, 2> gradients;
      const double loss = views.Loss(&gradients);
      std::mt19937 engine(2);
      std::normal_distribution<double> normal;
      double slope = 0;
      std::array<std::vector<double>, 2> direction = gradients;
      for (size_t view = 0; view < 2; ++view) {
        for (size_t i = 0; i < gradients[view].size(); ++i) {
          slope += gradients[view][i] * (direction[view][i] = normal(engine));
        }
      }
      constexpr double kStep = 1e-6;
      const auto move = [&](double steps) {
        for (size_t view = 0; view < 2; ++view) {
          for (size_t i = 0; i < direction[view].size(); ++i) views[view][i] += steps * kStep * direction[view][i];
        }
        return views.Loss();
      };
      const double ahead = move(1);
      const double behind = move(-2);
      EXPECT_NEAR((ahead - behind) / (2 * kStep), slope, 1e-7 * (std::abs(slope) + loss)) << width << " " << cross;
    }
  }
}

TEST(ColumnMomentsTest, ThreadsWithoutAPairOfBlocksTakeStripesAndChangeNoBit) {
  for (const bool cross : {false, true}) {
    Views views(150, 300, cross);
    std::array<std::vector<double>, 2> alone;
    std::array<std::vector<double>, 2> together;
    testing::WideParallel parallel;
    EXPECT_EQ(views.Loss(&alone), views.LossOn(parallel, &together));
    EXPECT_EQ(alone, together);
    EXPECT_GT(parallel.loops, 10);  // Some stripes of each product.
  }
}

}  // namespace
}  // namespace lossd
