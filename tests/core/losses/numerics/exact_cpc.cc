// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/core/losses/numerics/exact_cpc.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace lossd::testing {

namespace {

template <typename Real>
ExactCpcResult ContrastAs(const CpcRows& rows) {
  const CpcContrastShape& shape = rows.shape;
  const auto dim = static_cast<size_t>(shape.dim);
  const auto targets = static_cast<size_t>(shape.targets());
  const auto a_row = static_cast<size_t>(shape.width * shape.batch);
  const std::vector<Real> p(rows.predictions.begin(), rows.predictions.end());
  const std::vector<Real> t(rows.targets.begin(), rows.targets.end());
  const auto scale = Real(rows.embed_scale);
  std::vector<Real> step_losses(static_cast<size_t>(shape.steps())), p_gradient(p.size()), t_gradient(t.size());
  std::vector<Real> p_sizes(p.size()), t_sizes(t.size()), s(targets), d(targets), sizes(targets);
  Real kappa = 0;
  for (size_t i = 0; i < static_cast<size_t>(shape.predictions()); ++i) {
    Real maximum = -std::numeric_limits<Real>::infinity();
    for (size_t k = 0; k < targets; ++k) {
      s[k] = 0;
      Real size = 0;
      for (size_t c = 0; c < dim; ++c) {
        s[k] += scale * p[i * dim + c] * t[k * dim + c];
        size += std::abs(scale * p[i * dim + c] * t[k * dim + c]);
      }
      maximum = std::max(maximum, s[k]);
      kappa = std::max(kappa, size);
    }
    std::fill(d.begin(), d.end(), Real(0));
    std::fill(sizes.begin(), sizes.end(), Real(0));
    const auto steps = static_cast<size_t>(shape.steps()) - i / a_row;
    for (size_t step = 1; step <= steps; ++step) {
      const size_t pick = i + (step + 1) * a_row;
      Real others = 0;
      for (size_t k = 0; k < targets; ++k) others += k == pick ? Real(0) : std::exp(s[k] - maximum);
      const Real own = std::exp(s[pick] - maximum);
      const Real share = 1 / static_cast<Real>(shape.step_predictions(static_cast<int64_t>(step)));
      const Real weight = share * Real(rows.step_weights[step - 1]);
      step_losses[step - 1] += share * (std::log(others + own) + maximum - s[pick]);
      for (size_t k = 0; k < targets; ++k) {
        const Real g = weight * (k == pick ? -others : std::exp(s[k] - maximum)) / (others + own);
        d[k] += g;
        sizes[k] += std::abs(g);
      }
    }
    for (size_t k = 0; k < targets; ++k) {
      for (size_t c = 0; c < dim; ++c) {
        const Real target = scale * t[k * dim + c];
        const Real prediction = scale * p[i * dim + c];
        p_gradient[i * dim + c] += d[k] * target;
        t_gradient[k * dim + c] += d[k] * prediction;
        p_sizes[i * dim + c] += sizes[k] * std::abs(target);
        t_sizes[k * dim + c] += sizes[k] * std::abs(prediction);
      }
    }
  }
  ExactCpcResult exact;
  exact.step_losses.assign(step_losses.begin(), step_losses.end());
  exact.prediction_gradient.assign(p_gradient.begin(), p_gradient.end());
  exact.target_gradient.assign(t_gradient.begin(), t_gradient.end());
  exact.conditioning.kappa = static_cast<double>(kappa);
  exact.conditioning.magnitude = {static_cast<double>(*std::max_element(p_sizes.begin(), p_sizes.end())),
                                  static_cast<double>(*std::max_element(t_sizes.begin(), t_sizes.end()))};
  return exact;
}

}  // namespace

double CpcRowsResult::LossWith(const std::vector<double>& step_weights) const {
  double loss = 0;
  for (size_t i = 0; i < step_losses.size(); ++i) loss += step_weights[i] * step_losses[i];
  return loss;
}

ExactCpcResult ContrastExactly(const CpcRows& rows) {
  return rows.dtype == DType::kFloat64 ? ContrastAs<long double>(rows) : ContrastAs<double>(rows);
}

}  // namespace lossd::testing
