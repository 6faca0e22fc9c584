// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "tests/core/losses/numerics/exact_loss.h"

namespace lossd::testing {
namespace {

// An error of a moment is one of its square: what squares are without cancellation takes the place of scores.
template <typename Real>
class Moments {
 public:
  Moments(const MomentsProblem& problem, const TestCase& test_case)
      : problem_(problem),
        test_case_(test_case),
        rows_(static_cast<size_t>(problem.rows)),
        width_(static_cast<size_t>(problem.width)),
        rounding_(test_case.inputs[0].dtype == DType::kFloat64 ? 0x1p-53 : 0x1p-24) {
    const auto stored = StoredAs<Real>(test_case);
    for (const TestInput& input : test_case.inputs) exact_.gradients.emplace_back(input.values.size(), 0.0);
    exact_.conditioning.magnitude.assign(test_case.inputs.size(), 0.0);
    for (size_t view = 0; view < 2; ++view) {
      z_[view] = stored[static_cast<size_t>(problem.inputs[view])];
      Centre(view);
      sums_[view].assign(z_[view].size(), 0);
      sizes_[view].assign(z_[view].size(), 0);
    }
  }

  ExactResult Run() {
    problem_.cross ? AddCorrelation() : AddCovariances();
    exact_.objective = static_cast<double>(loss_);
    exact_.conditioning.kappa = static_cast<double>(size_);
    return exact_;
  }

 private:
  void Centre(size_t view) {
    const Real samples = Real(problem_.cross ? rows_ : rows_ - 1);
    centred_[view] = z_[view];
    for (size_t d = 0; d < width_; ++d) {
      // Beside the first row, so that a column of equal numbers has their mean.
      const Real first = z_[view][d];
      Real mean = first;
      for (size_t n = 0; n < rows_; ++n) mean += (z_[view][n * width_ + d] - first) / Real(rows_);
      Real squares = 0;
      for (size_t n = 0; n < rows_; ++n) {
        Real& x = centred_[view][n * width_ + d];
        x -= mean;
        squares += x * x / samples;
      }
      deviations_[view].push_back(std::sqrt(squares + Real(problem_.eps)));
      for (size_t n = 0; problem_.cross && n < rows_; ++n) {
        Real& x = centred_[view][n * width_ + d];
        x = deviations_[view][d] == 0 ? 0 : x / deviations_[view][d];
      }
    }
  }

  // sum over n of a_nd b_ne, and without cancellation.
  std::pair<Real, Real> Product(size_t a, size_t d, size_t b, size_t e) const {
    Real sum = 0;
    Real size = 0;
    for (size_t n = 0; n < rows_; ++n) {
      const Real product = centred_[a][n * width_ + d] * centred_[b][n * width_ + e];
      sum += product;
      size += std::abs(product);
    }
    return {sum, size};
  }

  // Gradient of column d of a view += c times column e of `other`.
  void AddColumn(size_t view, size_t d, size_t other, size_t e, Real c, Real size) {
    for (size_t n = 0; n < rows_; ++n) {
      sums_[view][n * width_ + d] += c * centred_[other][n * width_ + e];
      sizes_[view][n * width_ + d] += size * std::abs(centred_[other][n * width_ + e]);
    }
  }

  void Write(size_t view, size_t i, Real gradient, Real size) {
    const auto input = static_cast<size_t>(problem_.inputs[view]);
    const auto scale = Real(test_case_.request.gradients.scale);
    exact_.gradients[input][i] = static_cast<double>(gradient * scale);
    double& largest = exact_.conditioning.magnitude[input];
    largest = std::max(largest, static_cast<double>(size * std::abs(scale)));
  }

  void AddCovariances() {
    const Real samples = Real(rows_ - 1);
    const Real elements = Real(rows_ * width_);
    const Real distance = Real(problem_.weights[0]);
    const Real hinge = Real(problem_.weights[1]) / (2 * Real(width_));
    const Real covariance = Real(problem_.weights[2]) / Real(width_);
    for (size_t i = 0; i < z_[0].size(); ++i) {
      loss_ += distance * (z_[0][i] - z_[1][i]) * (z_[0][i] - z_[1][i]) / elements;
    }
    for (size_t view = 0; view < 2; ++view) {
      for (size_t d = 0; d < width_; ++d) {
        const Real deviation = deviations_[view][d];
        loss_ += deviation < 1 ? hinge * (1 - deviation) : 0;
        size_ += hinge;
        if (deviation < 1 && deviation > 0) {
          AddColumn(view, d, view, d, -hinge / (deviation * samples), hinge / (deviation * samples));
        }
        for (size_t e = 0; problem_.weights[2] != 0 && e < width_; ++e) {
          if (e == d) continue;
          const auto [sum, size] = Product(view, d, view, e);
          loss_ += covariance * (sum / samples) * (sum / samples);
          size_ += covariance * (size / samples) * (size / samples);
          const Real c = 4 * covariance / (samples * samples);
          AddColumn(view, d, view, e, c * sum, c * size);
        }
      }
      for (size_t i = 0; i < z_[view].size(); ++i) {
        const Real apart = 2 * distance * (z_[view][i] - z_[1 - view][i]) / elements;
        Write(view, i, sums_[view][i] + apart, sizes_[view][i] + std::abs(apart));
      }
    }
  }

  void AddCorrelation() {
    const Real rows = Real(rows_);
    for (size_t d = 0; d < width_; ++d) {
      for (size_t e = 0; e < width_; ++e) {
        const Real weight = Real(d == e ? problem_.weights[0] : problem_.weights[1]);
        auto [sum, size] = Product(0, d, 1, e);
        sum = d == e ? DiagonalLessOne(d) : sum / rows;
        size = d == e ? std::abs(sum) + rounding_ : size / rows;
        loss_ += weight == 0 ? 0 : weight * sum * sum;
        size_ += weight == 0 ? 0 : weight * size * size;
        AddColumn(0, d, 1, e, 2 * weight * sum, 2 * weight * size);
        AddColumn(1, e, 0, d, 2 * weight * sum, 2 * weight * size);
      }
    }
    for (size_t view = 0; view < 2; ++view) {
      for (size_t d = 0; d < width_; ++d) FinishColumn(view, d);
    }
  }

  // c_dd - 1 without its cancellation: 2 (a b - 1) = (a^2 - 1) + (b^2 - 1) - (a - b)^2, and eps is missing in the
  // squares.
  Real DiagonalLessOne(size_t d) const {
    Real distance = 0;
    for (size_t n = 0; n < rows_; ++n) {
      const Real apart = centred_[0][n * width_ + d] - centred_[1][n * width_ + d];
      distance += apart * apart / Real(rows_);
    }
    for (const std::vector<Real>& deviations : deviations_) {
      const Real deviation = deviations[d];
      distance += deviation == 0 ? 1 : Real(problem_.eps) / deviation / deviation;
    }
    return -distance / 2;
  }

  // Back through the division by the deviation and the centring.
  void FinishColumn(size_t view, size_t d) {
    const Real rows = Real(rows_);
    Real mean = 0, along = 0, mean_size = 0, along_size = 0;
    for (size_t n = 0; n < rows_; ++n) {
      const size_t i = n * width_ + d;
      mean += sums_[view][i] / rows;
      mean_size += sizes_[view][i] / rows;
      along += sums_[view][i] * centred_[view][i] / rows;
      along_size += sizes_[view][i] * std::abs(centred_[view][i]) / rows;
    }
    const Real deviation = deviations_[view][d];
    const Real factor = deviation == 0 ? 0 : 1 / (rows * deviation);
    for (size_t n = 0; n < rows_; ++n) {
      const size_t i = n * width_ + d;
      Write(view, i, (sums_[view][i] - mean - centred_[view][i] * along) * factor,
            (sizes_[view][i] + mean_size + std::abs(centred_[view][i]) * along_size) * factor);
    }
  }

  const MomentsProblem& problem_;
  const TestCase& test_case_;
  const size_t rows_;
  const size_t width_;
  std::vector<Real> z_[2], centred_[2], deviations_[2];
  std::vector<Real> sums_[2], sizes_[2];  // Of the gradients, and without cancellation.
  const Real rounding_;  // Of a standardised number; its square is what is left of an equal pair's distance.
  Real loss_ = 0;
  Real size_ = 0;
  ExactResult exact_;
};

}  // namespace

template <typename Real>
ExactResult ExactMoments(const MomentsProblem& problem, const TestCase& test_case) {
  return Moments<Real>(problem, test_case).Run();
}

template ExactResult ExactMoments<double>(const MomentsProblem& problem, const TestCase& test_case);
template ExactResult ExactMoments<long double>(const MomentsProblem& problem, const TestCase& test_case);

}  // namespace lossd::testing
