// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "tests/core/losses/numerics/exact_loss.h"

namespace lossd::testing {
namespace {

using Pairs = ContrastProblem::Pairs;

// Rows of some inputs, one below the other, and the gradients with respect to them as products read them.
template <typename Real>
struct Operand {
  size_t width;
  std::vector<size_t> inputs;  // Of each row.
  std::vector<size_t> places;  // Of each row's first element in its input.
  std::vector<Real> norms;
  std::vector<Real> rows;
  std::vector<Real> gradient;
  std::vector<Real> magnitude;  // Of the gradient, without cancellation.

  Operand(absl::Span<const ContrastPart> parts, int64_t columns, bool normalize,
          const std::vector<std::vector<Real>>& stored)
      : width(static_cast<size_t>(columns)) {
    for (const ContrastPart& part : parts) {
      const auto input = static_cast<size_t>(part.input);
      for (size_t r = 0; r < static_cast<size_t>(part.count); ++r) {
        inputs.push_back(input);
        places.push_back(r * width);
        rows.insert(rows.end(), stored[input].begin() + r * width, stored[input].begin() + (r + 1) * width);
      }
    }
    gradient.resize(rows.size(), 0);
    magnitude.resize(rows.size(), 0);
    for (size_t r = 0; r < count(); ++r) {
      Real squares = 0;
      for (size_t c = 0; c < width; ++c) squares += row(r)[c] * row(r)[c];
      norms.push_back(normalize ? std::sqrt(squares) : 1);
      const Real divisor = std::max(norms[r], Real(kNormEpsilon));
      for (size_t c = 0; normalize && c < width; ++c) rows[r * width + c] /= divisor;
    }
  }

  size_t count() const { return inputs.size(); }
  const Real* row(size_t r) const { return &rows[r * width]; }

  // d loss / d row r += d * other, without cancellation |d| + `size`.
  void Add(size_t r, Real d, Real size, const Real* other) {
    for (size_t c = 0; c < width; ++c) {
      gradient[r * width + c] += d * other[c];
      magnitude[r * width + c] += size * std::abs(other[c]);
    }
  }

  void WriteTo(bool normalize, Real factor, ExactResult& exact) const {
    for (size_t r = 0; r < count(); ++r) {
      Real along = 0;
      Real size = 0;
      for (size_t c = 0; normalize && norms[r] >= Real(kNormEpsilon) && c < width; ++c) {
        along += row(r)[c] * gradient[r * width + c];
        size += std::abs(row(r)[c]) * magnitude[r * width + c];
      }
      const Real divisor = normalize ? std::max(norms[r], Real(kNormEpsilon)) : Real(1);
      for (size_t c = 0; c < width; ++c) {
        const Real g = (gradient[r * width + c] - row(r)[c] * along) / divisor * factor;
        const Real m = (magnitude[r * width + c] + std::abs(row(r)[c]) * size) / divisor * std::abs(factor);
        exact.gradients[inputs[r]][places[r] + c] += static_cast<double>(g);
        double& largest = exact.conditioning.magnitude[inputs[r]];
        largest = std::max(largest, static_cast<double>(m));
      }
    }
  }
};

template <typename Real>
Real Softplus(Real z) {
  return std::max(z, Real(0)) + std::log1p(std::exp(-std::abs(z)));
}
template <typename Real>
Real Sigmoid(Real z) {
  return 1 / (1 + std::exp(-z));
}

template <typename Real>
class Contrast {
 public:
  Contrast(const ContrastProblem& problem, const TestCase& test_case)
      : problem_(problem),
        test_case_(test_case),
        stored_(StoredAs<Real>(test_case)),
        rows_(problem.rows, problem.width, problem.normalize, stored_),
        columns_(problem.symmetric() ? problem.rows : problem.columns, problem.width, problem.normalize, stored_),
        scale_(problem.scale_input < 0 ? Real(problem.scale) : stored_[static_cast<size_t>(problem.scale_input)][0]),
        bias_(problem.bias_input < 0 ? Real(problem.bias) : stored_[static_cast<size_t>(problem.bias_input)][0]),
        d_(rows_.count() * columns_.count(), 0),
        sizes_(d_) {
    for (const TestInput& input : test_case.inputs) exact_.gradients.emplace_back(input.values.size(), 0.0);
    exact_.conditioning.magnitude.assign(test_case.inputs.size(), 0.0);
    FormScores();
    if (problem.exclusion.has_value()) LeaveOut(*problem.exclusion);
  }

  ExactResult Run() {
    WeighPairs();
    if (problem_.term == ContrastProblem::Term::kSigmoid) {
      AddSigmoids();
    } else if (problem_.pairs == Pairs::kLabels) {
      AddLabels();
    } else {
      AddSides();
    }
    exact_.objective = static_cast<double>(loss_);
    exact_.gradient_kappa = exact_.conditioning.kappa;
    FormGradients();
    return exact_;
  }

 private:
  size_t At(size_t i, size_t k) const { return i * columns_.count() + k; }
  bool Meets(size_t i, size_t k) const { return !problem_.symmetric() || i != k; }

  void FormScores() {
    Real kappa = 0;
    for (size_t i = 0; i < rows_.count(); ++i) {
      for (size_t k = 0; k < columns_.count(); ++k) {
        Real sum = 0;
        Real size = 0;
        for (size_t c = 0; c < rows_.width; ++c) {
          const Real product = rows_.row(i)[c] * columns_.row(k)[c];
          sum += product;
          size += std::abs(product);
        }
        products_.push_back(sum);
        product_sizes_.push_back(size);
        // A softmax does not see a shift.
        const Real shift = problem_.term == ContrastProblem::Term::kSigmoid ? bias_ : Real(0);
        scores_.push_back(scale_ * sum + shift);
        if (Meets(i, k)) kappa = std::max(kappa, std::abs(scale_) * size + std::abs(shift));
      }
    }
    exact_.conditioning.kappa = static_cast<double>(kappa);
  }

  void LeaveOut(const ContrastExclusion& rule) {
    const Operand<Real> rows(rule.rows, rule.width, true, stored_);
    const Operand<Real> columns(rule.columns, rule.width, true, stored_);
    const auto similarity = [&](size_t i, size_t k) {
      Real sum = 0;
      for (size_t c = 0; c < rows.width; ++c) sum += rows.row(i)[c] * columns.row(k)[c];
      return sum;
    };
    row_left_out_.assign(d_.size(), false);
    column_left_out_.assign(d_.size(), false);
    const auto margin = Real(rule.margin);
    for (size_t i = 0; i < rows_.count(); ++i) {
      const Real own = similarity(i, i);
      const Real bound = own - margin * (rule.relative ? std::abs(own) : 1);
      for (size_t k = 0; k < columns_.count(); ++k) {
        if (k != i) row_left_out_[At(i, k)] = Leaves(similarity(i, k), bound);
      }
      for (size_t j = 0; problem_.both_sides && j < rows_.count(); ++j) {
        if (j != i) column_left_out_[At(j, i)] = Leaves(similarity(j, i), bound);
      }
    }
  }
  // Equal rows have equal cosines, whatever rounding does.
  bool Leaves(Real similarity, Real bound) {
    const bool wide = test_case_.inputs[0].dtype == DType::kFloat64;
    const Real distance = similarity - bound;
    const auto margin = std::abs(Real(problem_.exclusion->margin));
    const bool same = distance == 0 && margin == 0;
    if (!same && std::abs(distance) <= Real(wide ? 1e-13 : 4e-6) * (1 + margin)) exact_.is_decided = false;
    return distance > 0;
  }
  bool IsLeftOut(const std::vector<bool>& left_out, size_t member) const {
    return !left_out.empty() && left_out[member];
  }

  // What an error of similarities does to weights is an error of scores as well.
  void WeighPairs() {
    weights_.assign(rows_.count(), 1);
    if (!problem_.weight_sigma.has_value()) return;
    const size_t half = rows_.count() / 2;
    std::vector<Real> exponentials;
    Real largest = -std::numeric_limits<Real>::infinity();
    Real size = 0;
    for (size_t i = 0; i < half; ++i) {
      largest = std::max(largest, products_[At(i, i + half)] / Real(*problem_.weight_sigma));
      size = std::max(size, product_sizes_[At(i, i + half)] / Real(*problem_.weight_sigma));
    }
    Real sum = 0;
    for (size_t i = 0; i < half; ++i) {
      exponentials.push_back(std::exp(products_[At(i, i + half)] / Real(*problem_.weight_sigma) - largest));
      sum += exponentials.back();
    }
    for (size_t i = 0; i < rows_.count(); ++i) weights_[i] = 2 - Real(half) * exponentials[i % half] / sum;
    exact_.conditioning.kappa *= 1 + 2 * static_cast<double>(size);
  }

  // A row's or column's term over `members` (indices into scores), the pair among them.
  void AddTerm(const std::vector<size_t>& members, size_t pair, Real weight, Real share) {
    Real maximum = -std::numeric_limits<Real>::infinity();
    for (const size_t k : members) maximum = k == pair ? maximum : std::max(maximum, scores_[k]);
    Real sum = 0;
    for (const size_t k : members) sum += k == pair ? 0 : std::exp(scores_[k] - maximum);
    const bool alone = members.size() == 1;
    const Real others = alone ? -std::numeric_limits<Real>::infinity() : maximum + std::log(sum);
    const Real own = scores_[pair];
    if (!problem_.pair_in_denominator) {
      loss_ += share * (others - weight * own);
      for (const size_t k : members) Set(k, k == pair ? -share * weight : share * std::exp(scores_[k] - others), 0);
      return;
    }
    const Real sigmoid = alone ? 0 : Sigmoid(others - own);
    const Real total = alone ? own : std::max(others, own) + std::log1p(std::exp(-std::abs(others - own)));
    const auto e = Real(problem_.smoothing);
    const Real evenly = e / Real(members.size());
    Real mean = 0;
    for (const size_t k : members) mean += (total - scores_[k]) / Real(members.size());
    loss_ += share * ((1 - e) * (alone ? 0 : Softplus(others - own)) + e * mean);
    for (const size_t k : members) {
      if (k == pair) {
        Set(k, share * (-sigmoid + e - evenly), share * std::max(sigmoid, e));
      } else {
        Set(k, share * (std::exp(scores_[k] - total) - evenly), share * evenly);
      }
    }
  }

  // Adds to d loss / d score; what cancelled in it was of this size.
  void Set(size_t k, Real d, Real size) {
    d_[k] += d;
    sizes_[k] += std::max(std::abs(d), size);
  }

  void AddSides() {
    const size_t count = rows_.count();
    const Real share = (problem_.both_sides ? Real(0.5) : Real(1)) / Real(count);
    for (size_t i = 0; i < count; ++i) {
      std::vector<size_t> members;
      for (size_t k = 0; k < columns_.count(); ++k) {
        if (Meets(i, k) && !IsLeftOut(row_left_out_, At(i, k))) members.push_back(At(i, k));
      }
      AddTerm(members, At(i, problem_.pairs == Pairs::kNextView ? (i + count / 2) % count : i), weights_[i], share);
    }
    for (size_t k = 0; problem_.both_sides && k < count; ++k) {
      std::vector<size_t> members;
      for (size_t i = 0; i < count; ++i) {
        if (!IsLeftOut(column_left_out_, At(i, k))) members.push_back(At(i, k));
      }
      AddTerm(members, At(k, k), 1, share);
    }
  }

  void AddLabels() {
    const std::vector<Real>& labels = stored_[static_cast<size_t>(problem_.labels_input)];
    const size_t count = rows_.count();
    const auto positives_of = [&](size_t i) { return std::count(labels.begin(), labels.end(), labels[i]) - 1; };
    size_t counted = 0;
    for (size_t i = 0; i < count; ++i) counted += positives_of(i) > 0 ? 1 : 0;
    for (size_t i = 0; i < count; ++i) {
      if (positives_of(i) == 0) continue;
      std::vector<size_t> members;
      for (size_t k = 0; k < count; ++k) {
        if (k != i) members.push_back(At(i, k));
      }
      const Real share = 1 / Real(counted);
      const auto is_positive = [&](size_t member) { return labels[member - At(i, 0)] == labels[i]; };
      if (positives_of(i) == 1) {
        AddTerm(members, *std::find_if(members.begin(), members.end(), is_positive), 1, share);
        continue;
      }
      Real maximum = -std::numeric_limits<Real>::infinity();
      for (const size_t k : members) maximum = std::max(maximum, scores_[k]);
      Real sum = 0;
      for (const size_t k : members) sum += std::exp(scores_[k] - maximum);
      const Real even = share / Real(positives_of(i));
      for (const size_t k : members) {
        const Real p = share * std::exp(scores_[k] - maximum) / sum;
        Set(k, is_positive(k) ? p - even : p, is_positive(k) ? std::max(p, even) : p);
        if (is_positive(k)) loss_ += even * (maximum - scores_[k] + std::log(sum));
      }
    }
  }

  void AddSigmoids() {
    const Real share = 1 / Real(rows_.count());
    for (size_t i = 0; i < rows_.count(); ++i) {
      for (size_t k = 0; k < columns_.count(); ++k) {
        const Real z = i == k ? 1 : -1;
        loss_ += share * Softplus(-z * scores_[At(i, k)]);
        Set(At(i, k), -z * share * Sigmoid(-z * scores_[At(i, k)]), 0);
      }
    }
  }

  void FormGradients() {
    Real along = 0;
    Real along_size = 0;
    Real sum = 0;
    Real sum_size = 0;
    for (size_t i = 0; i < rows_.count(); ++i) {
      for (size_t k = 0; k < columns_.count(); ++k) {
        if (!Meets(i, k)) continue;
        const Real d = d_[At(i, k)];
        const Real size = sizes_[At(i, k)];
        rows_.Add(i, scale_ * d, std::abs(scale_) * size, columns_.row(k));
        columns_.Add(k, scale_ * d, std::abs(scale_) * size, rows_.row(i));
        along += d * products_[At(i, k)];
        along_size += size * product_sizes_[At(i, k)];
        sum += d;
        sum_size += size;
      }
    }
    const auto weight = Real(test_case_.request.gradients.scale);
    rows_.WriteTo(problem_.normalize, weight, exact_);
    columns_.WriteTo(problem_.normalize, weight, exact_);
    if (problem_.scale_input >= 0) WriteScalar(problem_.scale_input, along * weight, along_size * std::abs(weight));
    // A softmax does not see a shift.
    const bool shifts = problem_.term == ContrastProblem::Term::kSigmoid;
    if (problem_.bias_input >= 0) {
      WriteScalar(problem_.bias_input, shifts ? sum * weight : 0, shifts ? sum_size * std::abs(weight) : 0);
    }
  }

  void WriteScalar(int input, Real gradient, Real size) {
    exact_.gradients[static_cast<size_t>(input)][0] = static_cast<double>(gradient);
    exact_.conditioning.magnitude[static_cast<size_t>(input)] = static_cast<double>(size);
  }

  const ContrastProblem& problem_;
  const TestCase& test_case_;
  const std::vector<std::vector<Real>> stored_;
  Operand<Real> rows_;
  Operand<Real> columns_;
  const Real scale_;
  const Real bias_;
  std::vector<Real> products_, product_sizes_, scores_;
  std::vector<bool> row_left_out_, column_left_out_;  // Of denominators, by cosines; empty where none are.
  std::vector<Real> weights_;
  std::vector<Real> d_, sizes_;  // Of the loss by the scores.
  Real loss_ = 0;
  ExactResult exact_;
};

}  // namespace

template <typename Real>
ExactResult ExactContrast(const ContrastProblem& problem, const TestCase& test_case) {
  return Contrast<Real>(problem, test_case).Run();
}

template ExactResult ExactContrast<double>(const ContrastProblem& problem, const TestCase& test_case);
template ExactResult ExactContrast<long double>(const ContrastProblem& problem, const TestCase& test_case);

}  // namespace lossd::testing
