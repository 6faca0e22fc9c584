// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/contrast_oracle.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace lossd::testing {
namespace {

using Vector = std::vector<double>;

// Values as the server stores them.
std::vector<Vector> Stored(const TestCase& test_case) {
  std::vector<Vector> stored;
  for (const TestInput& input : test_case.inputs) {
    Vector values = input.values;
    if (input.dtype != DType::kFloat64) {
      for (double& value : values) value = static_cast<double>(static_cast<float>(value));
    }
    stored.push_back(std::move(values));
  }
  return stored;
}

// A result with gradients of zero, and a place for magnitudes of the same shapes.
struct Sums {
  OracleResult result;
  std::vector<Vector> magnitudes;

  explicit Sums(const TestCase& test_case) {
    for (const TestInput& input : test_case.inputs) result.gradients.emplace_back(input.values.size(), 0.0);
    magnitudes = result.gradients;
  }

  // d objective / d (a . b) = weight: adds to the gradients of both.
  void Add(size_t input_a, size_t a, double value_a, size_t input_b, size_t b, double value_b, double weight) {
    result.gradients[input_a][a] += weight * value_b;
    result.gradients[input_b][b] += weight * value_a;
    magnitudes[input_a][a] += std::abs(weight * value_b);
    magnitudes[input_b][b] += std::abs(weight * value_a);
  }

  OracleResult Finish() {
    for (const Vector& magnitude : magnitudes) {
      result.conditioning.magnitude.push_back(
          magnitude.empty() ? 0 : *std::max_element(magnitude.begin(), magnitude.end()));
    }
    return std::move(result);
  }
};

// One direction of a comparison.
class MapMeeting {
 public:
  MapMeeting(const TestCase& test_case, const std::vector<Vector>& stored, size_t source, size_t target,
             const double* positions)
      : config_(std::get<FeatureMapContrastiveConfig>(test_case.request.loss)),
        source_(source),
        target_(target),
        source_map_(stored[source]),
        target_map_(stored[target]),
        images_(static_cast<size_t>(test_case.inputs[source].shape[0])),
        channels_(static_cast<size_t>(test_case.inputs[source].shape[1])),
        source_locations_(Locations(test_case.inputs[source])),
        locations_(Locations(test_case.inputs[target])),
        positions_(positions),
        root_(std::sqrt(static_cast<double>(channels_))),
        clip_(std::abs(config_.tclip)) {}

  // Adds loss and gradients: `loss_weight` and `square_weight` are upstream gradients of the loss and of mean x^2.
  std::pair<double, double> AddTo(double loss_weight, double square_weight, Sums& sums) const {
    double loss = 0;
    double squares = 0;
    for (size_t b = 0; b < images_; ++b) AddRow(b, loss_weight, square_weight, sums, loss, squares);
    const double positives = static_cast<double>(images_ * locations_);
    return {loss / positives, squares / (positives * static_cast<double>(images_))};
  }

 private:
  static size_t Locations(const TestInput& input) { return static_cast<size_t>(input.shape[2] * input.shape[3]); }

  size_t SourceElement(size_t b, size_t c) const {
    return (b * channels_ + c) * source_locations_ + static_cast<size_t>(positions_[b]);
  }
  size_t TargetElement(size_t j, size_t c, size_t l) const { return (j * channels_ + c) * locations_ + l; }

  double Score(size_t b, size_t j, size_t l, double* magnitude) const {
    double sum = 0;
    for (size_t c = 0; c < channels_; ++c) {
      const double product = source_map_[SourceElement(b, c)] * target_map_[TargetElement(j, c, l)];
      sum += product;
      *magnitude += std::abs(product) / root_;
    }
    return sum / root_;
  }

  void AddRow(size_t b, double loss_weight, double square_weight, Sums& sums, double& loss, double& squares) const {
    Vector x(images_ * locations_);
    Vector s(x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      double magnitude = 0;
      x[i] = Score(b, i / locations_, i % locations_, &magnitude);
      sums.result.conditioning.kappa = std::max(sums.result.conditioning.kappa, magnitude);
      s[i] = std::isinf(clip_) ? x[i] : clip_ * std::tanh(x[i] / clip_);
      squares += x[i] * x[i];
    }
    const Vector d = LossGradient(b, s, loss);
    const double pairs = static_cast<double>(images_ * x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      const double hyperbolic = std::isinf(clip_) ? 0 : 1 / std::cosh(x[i] / clip_);
      const double slope = std::isinf(clip_) ? 1 : hyperbolic * hyperbolic;
      const double weight = (loss_weight * d[i] * slope + square_weight * 2 * x[i] / pairs) / root_;
      for (size_t c = 0; c < channels_; ++c) {
        const size_t q = SourceElement(b, c);
        const size_t k = TargetElement(i / locations_, c, i % locations_);
        sums.Add(source_, q, source_map_[q], target_, k, target_map_[k], weight);
      }
    }
  }

  // d loss / d s over a row, mean over b and l included. A positive's log-sum-exp is over itself and the negatives.
  Vector LossGradient(size_t b, const Vector& s, double& loss) const {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    double maximum = -kInfinity;
    for (size_t i = 0; i < s.size(); ++i) maximum = i / locations_ == b ? maximum : std::max(maximum, s[i]);
    double sum = 0;
    for (size_t i = 0; i < s.size(); ++i) sum += i / locations_ == b ? 0 : std::exp(s[i] - maximum);
    const double negatives = images_ == 1 ? -kInfinity : maximum + std::log(sum);
    const double share = 1 / static_cast<double>(s.size());
    Vector d(s.size(), 0.0);
    for (size_t i = b * locations_; i < (b + 1) * locations_; ++i) {
      const double larger = std::max(s[i], negatives);
      const double total = larger + std::log(std::exp(s[i] - larger) + std::exp(negatives - larger));
      loss += total - s[i];
      d[i] = -std::exp(negatives - total) * share;
      for (size_t j = 0; j < s.size(); ++j) {
        if (j / locations_ != b) d[j] += std::exp(s[j] - total) * share;
      }
    }
    return d;
  }

  const FeatureMapContrastiveConfig& config_;
  const size_t source_;
  const size_t target_;
  const Vector& source_map_;
  const Vector& target_map_;
  const size_t images_;
  const size_t channels_;
  const size_t source_locations_;
  const size_t locations_;
  const double* const positions_;
  const double root_;
  const double clip_;
};

size_t InputNamed(const TestCase& test_case, const std::string& name) {
  for (size_t i = 0; i < test_case.inputs.size(); ++i) {
    if (test_case.inputs[i].name == name) return i;
  }
  return test_case.inputs.size();
}

}  // namespace

OracleResult FeatureMapOracle(const TestCase& test_case, const Vector& comparisons, const Vector& positions) {
  const auto& config = std::get<FeatureMapContrastiveConfig>(test_case.request.loss);
  const std::vector<Vector> stored = Stored(test_case);
  const size_t directions = config.bidirectional ? 2 : 1;
  const double share = 1 / static_cast<double>(directions);
  const auto images = static_cast<size_t>(test_case.inputs[0].shape[0]);
  Sums sums(test_case);
  const char* const kSides[] = {"anchor.", "positive."};
  for (size_t k = 0; k < comparisons.size() / 2; ++k) {
    double loss = 0;
    const double loss_weight = config.loss_weights.empty() ? 1 : config.loss_weights[k];
    for (size_t d = 0; d < directions; ++d) {
      const size_t source = InputNamed(test_case, absl::StrCat(kSides[d], comparisons[2 * k]));
      const size_t target = InputNamed(test_case, absl::StrCat(kSides[1 - d], comparisons[2 * k + 1]));
      const MapMeeting meeting(test_case, stored, source, target, &positions[(k * directions + d) * images]);
      const double scale = share * test_case.request.gradients.scale;
      const auto [mean, square] =
          meeting.AddTo(scale * loss_weight, scale * config.regularizer_weight * config.regularizer_scale, sums);
      loss += share * mean;
      sums.result.regularizer += share * config.regularizer_scale * square;
    }
    sums.result.losses.push_back(loss);
    sums.result.objective += loss_weight * loss;
  }
  sums.result.objective += config.regularizer_weight * sums.result.regularizer;
  return sums.Finish();
}

OracleResult NtXentOracle(const TestCase& test_case) {
  const double temperature = std::get<NtXentConfig>(test_case.request.loss).temperature;
  const std::vector<Vector> stored = Stored(test_case);
  const auto half = static_cast<size_t>(test_case.inputs[0].shape[0]);
  const auto width = static_cast<size_t>(test_case.inputs[0].shape[1]);
  const size_t rows = 2 * half;
  Sums sums(test_case);
  double loss = 0;
  for (size_t i = 0; i < rows; ++i) {
    const size_t partner = (i + half) % rows;
    const double* a = &stored[i / half][i % half * width];
    Vector s(rows, -std::numeric_limits<double>::infinity());
    for (size_t k = 0; k < rows; ++k) {
      if (k == i) continue;
      const double* b = &stored[k / half][k % half * width];
      double sum = 0;
      double magnitude = 0;
      for (size_t c = 0; c < width; ++c) {
        sum += a[c] * b[c];
        magnitude += std::abs(a[c] * b[c]);
      }
      s[k] = sum / temperature;
      sums.result.conditioning.kappa = std::max(sums.result.conditioning.kappa, magnitude / temperature);
    }
    const double maximum = *std::max_element(s.begin(), s.end());
    double total = 0;
    for (double score : s) total += std::exp(score - maximum);
    loss += std::log(total) + maximum - s[partner];
    for (size_t k = 0; k < rows; ++k) {
      if (k == i) continue;
      double cleanly = 0;  // The picked entry's others, summed without it.
      if (k == partner) {
        for (size_t j = 0; j < rows; ++j) cleanly += j == partner ? 0 : std::exp(s[j] - maximum);
      }
      const double d = k == partner ? -cleanly / total : std::exp(s[k] - maximum) / total;
      const double weight = test_case.request.gradients.scale * d / (static_cast<double>(rows) * temperature);
      for (size_t c = 0; c < width; ++c) {
        const size_t p = i % half * width + c;
        const size_t q = k % half * width + c;
        sums.Add(i / half, p, stored[i / half][p], k / half, q, stored[k / half][q], weight);
      }
    }
  }
  sums.result.losses = {loss / static_cast<double>(rows)};
  sums.result.objective = sums.result.losses[0];
  return sums.Finish();
}

}  // namespace lossd::testing
