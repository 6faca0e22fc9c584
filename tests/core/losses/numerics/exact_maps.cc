// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>

#include "tests/core/losses/numerics/exact_loss.h"

namespace lossd::testing {
namespace {

// A map of one vector a location, [B][L][C].
template <typename Real>
struct Vectors {
  size_t input;
  size_t images, channels, locations;
  std::vector<Real> values;

  Vectors(const TestCase& test_case, const std::vector<std::vector<Real>>& stored, const std::string& name) {
    const auto named = [&](const TestInput& one) { return one.name == name; };
    const auto found = std::find_if(test_case.inputs.begin(), test_case.inputs.end(), named);
    input = static_cast<size_t>(found - test_case.inputs.begin());
    images = static_cast<size_t>(found->shape[0]);
    channels = static_cast<size_t>(found->shape[1]);
    locations = static_cast<size_t>(found->shape[2] * found->shape[3]);
    values.resize(stored[input].size());
    for (size_t b = 0; b < images; ++b) {
      for (size_t l = 0; l < locations; ++l) {
        for (size_t c = 0; c < channels; ++c) values[(b * locations + l) * channels + c] = stored[input][At(b, c, l)];
      }
    }
  }
  size_t At(size_t b, size_t c, size_t l) const { return (b * channels + c) * locations + l; }
  const Real* of(size_t b, size_t l) const { return &values[(b * locations + l) * channels]; }
};

template <typename Real>
class Maps {
 public:
  Maps(const TestCase& test_case, const TestResult& result)
      : test_case_(test_case),
        config_(std::get<FeatureMapContrastiveConfig>(test_case.request.loss)),
        comparisons_(result.output("comparisons")),
        positions_(result.output("positions")),
        clip_(std::abs(Real(config_.tclip))) {
    for (const TestInput& input : test_case.inputs) {
      exact_.gradients.emplace_back(input.values.size(), 0.0);
      gradients_.emplace_back(input.values.size(), Real(0));
      sizes_.emplace_back(input.values.size(), Real(0));
    }
  }

  ExactResult Run() {
    const auto stored = StoredAs<Real>(test_case_);
    const size_t directions = config_.bidirectional ? 2 : 1;
    const double* positions = positions_.data();
    const std::string sides[] = {"anchor.", "positive."};
    for (size_t k = 0; k < comparisons_.size() / 2; ++k) {
      for (size_t d = 0; d < directions; ++d) {
        const Vectors<Real> source(test_case_, stored, sides[d] + std::to_string(int(comparisons_[2 * k])));
        const Vectors<Real> target(test_case_, stored, sides[1 - d] + std::to_string(int(comparisons_[2 * k + 1])));
        const Real weight = config_.loss_weights.empty() ? 1 : Real(config_.loss_weights[k]);
        Meet(source, target, positions, weight / Real(directions),
             Real(config_.regularizer_weight) * Real(config_.regularizer_scale) / Real(directions));
        positions += source.images;
      }
    }
    exact_.objective = static_cast<double>(objective_ + regularizer_);
    exact_.gradient_kappa = exact_.conditioning.kappa;
    // Of the objective it is losses and regularizer that are as exact as stated, before weights multiply them and one
    // may cancel the other.
    double weights = 0;
    for (const double weight : config_.loss_weights) weights += std::abs(weight);
    const auto sizes = static_cast<double>(std::abs(objective_) + std::abs(regularizer_));
    const AccuracyBounds bounds = AccuracyBounds::Of(TypeOf(test_case_));
    exact_.conditioning.kappa = exact_.conditioning.kappa * std::max(1.0, weights) +
                                bounds.relative / bounds.rounding * (sizes - std::abs(exact_.objective));
    const auto scale = Real(test_case_.request.gradients.scale);
    for (size_t i = 0; i < gradients_.size(); ++i) {
      Real largest = 0;
      for (size_t e = 0; e < gradients_[i].size(); ++e) {
        exact_.gradients[i][e] = static_cast<double>(gradients_[i][e] * scale);
        largest = std::max(largest, sizes_[i][e]);
      }
      exact_.conditioning.magnitude.push_back(static_cast<double>(largest * std::abs(scale)));
    }
    return exact_;
  }

 private:
  void Meet(const Vectors<Real>& source, const Vectors<Real>& target, const double* positions, Real loss_weight,
            Real square_weight) {
    const size_t columns = target.images * target.locations;
    const Real root = std::sqrt(Real(source.channels));
    const Real share = 1 / Real(columns);  // Of one positive in the mean.
    std::vector<Real> x(columns), sizes(columns), s(columns), d(columns);
    for (size_t b = 0; b < source.images; ++b) {
      const auto position = static_cast<size_t>(positions[b]);
      const Real* q = source.of(b, position);
      for (size_t i = 0; i < columns; ++i) {
        const Real* k = target.of(i / target.locations, i % target.locations);
        x[i] = sizes[i] = 0;
        for (size_t c = 0; c < source.channels; ++c) {
          x[i] += q[c] * k[c] / root;
          sizes[i] += std::abs(q[c] * k[c]) / root;
        }
        exact_.conditioning.kappa = std::max(exact_.conditioning.kappa, static_cast<double>(sizes[i]));
        s[i] = std::isinf(clip_) ? x[i] : clip_ * std::tanh(x[i] / clip_);
        if (square_weight != 0) regularizer_ += square_weight * x[i] * x[i] * share / Real(source.images);
      }
      LossGradient(b, target.locations, s, share, loss_weight, d);
      for (size_t i = 0; i < columns; ++i) {
        const Real hyperbolic = std::isinf(clip_) ? 1 : 1 / std::cosh(x[i] / clip_);
        const Real slope = loss_weight * d[i] * hyperbolic * hyperbolic;
        const Real square = square_weight * 2 * share / Real(source.images);
        const Real g = (slope + square * x[i]) / root;
        const Real size = (std::abs(slope) + std::abs(square) * sizes[i]) / root;
        const Real* k = target.of(i / target.locations, i % target.locations);
        for (size_t c = 0; c < source.channels; ++c) {
          Add(source.input, source.At(b, c, position), g * k[c], size * std::abs(k[c]));
          Add(target.input, target.At(i / target.locations, c, i % target.locations), g * q[c], size * std::abs(q[c]));
        }
      }
    }
  }

  void Add(size_t input, size_t element, Real gradient, Real size) {
    gradients_[input][element] += gradient;
    sizes_[input][element] += size;
  }

  // Of the mean of the positives of image b, by the clipped scores.
  void LossGradient(size_t b, size_t locations, const std::vector<Real>& s, Real share, Real weight,
                    std::vector<Real>& d) {
    std::fill(d.begin(), d.end(), Real(0));
    if (s.size() == locations || weight == 0) return;
    Real maximum = -std::numeric_limits<Real>::infinity();
    for (size_t i = 0; i < s.size(); ++i) maximum = i / locations == b ? maximum : std::max(maximum, s[i]);
    Real sum = 0;
    for (size_t i = 0; i < s.size(); ++i) sum += i / locations == b ? 0 : std::exp(s[i] - maximum);
    const Real negatives = maximum + std::log(sum);
    Real sigmoids = 0;
    for (size_t i = b * locations; i < (b + 1) * locations; ++i) {
      const Real margin = negatives - s[i];
      objective_ += weight * share * (std::max(margin, Real(0)) + std::log1p(std::exp(-std::abs(margin))));
      const Real sigmoid = 1 / (1 + std::exp(-margin));
      d[i] = -sigmoid * share;
      sigmoids += sigmoid * share;
    }
    for (size_t i = 0; i < s.size(); ++i) {
      if (i / locations != b) d[i] = sigmoids * std::exp(s[i] - negatives);
    }
  }

  const TestCase& test_case_;
  const FeatureMapContrastiveConfig& config_;
  const std::vector<double> comparisons_, positions_;
  const Real clip_;
  std::vector<std::vector<Real>> gradients_, sizes_;
  Real objective_ = 0;  // Without the regularizer.
  Real regularizer_ = 0;
  ExactResult exact_;
};

}  // namespace

template <typename Real>
ExactResult ExactMaps(const TestCase& test_case, const TestResult& result) {
  return Maps<Real>(test_case, result).Run();
}

template ExactResult ExactMaps<double>(const TestCase& test_case, const TestResult& result);
template ExactResult ExactMaps<long double>(const TestCase& test_case, const TestResult& result);

}  // namespace lossd::testing
