// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Sweeps of labels, sigmoids and maps against double loops; those of pairs and operands have files of their own.

#include "core/engine/sweeps/host_sweeps.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "gtest/gtest.h"
#include "tests/core/engine/sweeps/sweep_derivatives.h"

namespace lossd {
namespace {

using ::lossd::testing::DrawNumbers;
using ::lossd::testing::ExpectGradient;

struct Shape {
  int64_t rows;
  int64_t columns;
};

// Calls run(block) for blocks of `block_rows` rows of the scores, one group, and returns what it leaves in their place.
template <typename T>
std::vector<double> InBlocks(const std::vector<double>& scores, Shape shape, int64_t block_rows, const double* scale,
                             const std::function<void(const ScoreBlock<T>&)>& run) {
  std::vector<double> gradient;
  for (int64_t first = 0; first < shape.rows; first += block_rows) {
    const int64_t rows = std::min(block_rows, shape.rows - first);
    const auto begin = scores.begin() + static_cast<std::ptrdiff_t>(first * shape.columns);
    std::vector<T> block(begin, begin + static_cast<std::ptrdiff_t>(rows * shape.columns));
    run({block.data(), {block.data()}, 1, rows, shape.columns, first, shape.rows, {{scale}}});
    gradient.insert(gradient.end(), block.begin(), block.end());
  }
  return gradient;
}

double Sum(const std::vector<double>& numbers) {
  double sum = 0;
  for (const double number : numbers) sum += number;
  return sum;
}

double Softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

double LabelLoss(const std::vector<double>& x, const std::vector<int64_t>& labels, double scale) {
  const size_t count = labels.size();
  double loss = 0;
  double counted = 0;
  for (size_t i = 0; i < count; ++i) {
    double all = 0;
    double own = 0;
    double positives = 0;
    for (size_t k = 0; k < count; ++k) {
      if (k == i) continue;
      all += std::exp(scale * x[i * count + k]);
      if (labels[k] != labels[i]) continue;
      own += scale * x[i * count + k];
      ++positives;
    }
    if (positives == 0) continue;
    ++counted;
    loss += std::log(all) - own / positives;
  }
  return counted == 0 ? 0 : loss / counted;
}

TEST(HostSweepsTest, LabelsAgreeWithDoubleLoops) {
  const HostSweeps host;
  for (const int64_t count : {2, 9, 261}) {
    for (const int64_t kinds : {1, 2, 200}) {  // All of one, some, mostly alone.
      std::vector<int64_t> labels;
      for (int64_t i = 0; i < count; ++i) labels.push_back(i * i % kinds);
      const std::vector<double> scores = DrawNumbers(static_cast<size_t>(count * count), 2, 3);
      std::vector<double> counts(labels.size());
      host.Run(LabelCounts{1, count, labels.data(), counts.data()});
      const double scale = 0.7;
      const auto with_label = std::count_if(counts.begin(), counts.end(), [](double one) { return one > 0; });
      const double share = 1.0 / static_cast<double>(std::max<std::ptrdiff_t>(with_label, 1));
      std::vector<double> losses(labels.size());
      const std::function<void(const ScoreBlock<double>&)> run = [&](const ScoreBlock<double>& block) {
        host.Run(LabelSweep<double>{block, labels.data(), counts.data(), &share, losses.data()});
      };
      std::vector<double> gradient = InBlocks(scores, {count, count}, 5, &scale, run);
      for (double& slope : gradient) slope *= scale;
      EXPECT_NEAR(Sum(losses), LabelLoss(scores, labels, scale), 1e-12) << count << ", " << kinds;
      ExpectGradient(
          gradient, [&](const auto& x) { return LabelLoss(x, labels, scale); }, scores);
    }
  }
}

TEST(HostSweepsTest, SigmoidsAgreeWithDoubleLoops) {
  const HostSweeps host;
  const double scale = 3;
  for (const Shape shape : {Shape{1, 1}, Shape{7, 300}, Shape{40, 40}}) {
    const std::vector<double> scores = DrawNumbers(static_cast<size_t>(shape.rows * shape.columns), 1, 4);
    const auto loss = [&](const std::vector<double>& x, double bias) {
      double sum = 0;
      for (int64_t i = 0; i < shape.rows * shape.columns; ++i) {
        const double z = i / shape.columns == i % shape.columns ? 1 : -1;
        sum += Softplus(-z * (scale * x[static_cast<size_t>(i)] + bias));
      }
      return sum / 5;
    };
    const double bias = -2;
    std::vector<double> losses(static_cast<size_t>(shape.rows));
    std::vector<double> slopes(losses.size());
    const auto sweep = [&]<typename T>(const ScoreBlock<T>& block) {
      host.Run(SigmoidSweep<T>{block, &bias, 1.0 / 5, losses.data(), slopes.data()});
    };
    InBlocks<float>(scores, shape, 3, &scale, sweep);
    EXPECT_NEAR(Sum(losses), loss(scores, bias), 1e-6 * loss(scores, bias));
    std::vector<double> gradient = InBlocks<double>(scores, shape, 3, &scale, sweep);
    for (double& slope : gradient) slope *= scale;
    EXPECT_NEAR(Sum(losses), loss(scores, bias), 1e-12 * loss(scores, bias));
    EXPECT_NEAR(Sum(slopes), (loss(scores, bias + 1e-5) - loss(scores, bias - 1e-5)) / 2e-5, 1e-7);
    ExpectGradient(
        gradient, [&](const auto& x) { return loss(x, bias); }, scores);
  }
}

TEST(HostSweepsTest, MapsAgreeWithDoubleLoops) {
  const HostSweeps host;
  for (const double clip : {0.0, 2.0}) {
    for (const Shape images : {Shape{1, 4}, Shape{3, 100}, Shape{6, 1}}) {
      const int64_t columns = images.rows * images.columns;
      const std::vector<double> scores = DrawNumbers(static_cast<size_t>(images.rows * columns), 3, 5);
      const double normalizer = 0.4;
      const double loss_weight = 2;
      const double square_weight = 0.3;
      const auto loss = [&](const std::vector<double>& x) {
        double sum = 0;
        double squares = 0;
        for (int64_t b = 0; b < images.rows; ++b) {
          std::vector<double> s;
          double others = 0;
          for (int64_t c = 0; c < columns; ++c) {
            const double y = normalizer * x[static_cast<size_t>(b * columns + c)];
            squares += y * y;
            s.push_back(clip == 0 ? y : clip * std::tanh(y / clip));
            if (c / images.columns != b) others += std::exp(s.back());
          }
          for (int64_t l = 0; l < images.columns; ++l) {
            const double own = s[static_cast<size_t>(b * images.columns + l)];
            if (others > 0) sum += Softplus(std::log(others) - own);
          }
        }
        return loss_weight * sum / static_cast<double>(columns) +
               square_weight * squares / static_cast<double>(images.rows * columns);
      };
      std::vector<double> numbers(static_cast<size_t>(2 * images.rows));
      const std::function<void(const ScoreBlock<double>&)> run = [&](const ScoreBlock<double>& block) {
        host.Run(MapSweep<double>{block, images.columns, normalizer, clip, &loss_weight, &square_weight, numbers.data(),
                                  numbers.data() + images.rows, 2});
      };
      const std::vector<double> gradient = InBlocks(scores, {images.rows, columns}, 2, nullptr, run);
      double sum = 0;
      for (int64_t b = 0; b < images.rows; ++b) {
        sum +=
            loss_weight * numbers[static_cast<size_t>(b)] / static_cast<double>(columns) +
            square_weight * numbers[static_cast<size_t>(images.rows + b)] / static_cast<double>(images.rows * columns);
      }
      EXPECT_NEAR(sum, loss(scores), 1e-12 * std::max(1.0, sum));
      ExpectGradient(gradient, loss, scores);
    }
  }
}

}  // namespace
}  // namespace lossd
