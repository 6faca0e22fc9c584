// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/core/losses/numerics/exact_cpc.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace lossd::testing {

double CpcRowsResult::Loss() const {
  double loss = 0;
  for (size_t i = 0; i < step_losses.size(); ++i) loss += static_cast<double>(i + 1) * step_losses[i];
  return loss;
}

ExactCpcResult ContrastExactly(const CpcRows& rows) {
  const CpcContrastShape& shape = rows.shape;
  const auto dim = static_cast<size_t>(shape.dim);
  const auto targets = static_cast<size_t>(shape.targets());
  const auto a_row = static_cast<size_t>(shape.width * shape.batch);
  const std::vector<double> p(rows.predictions.begin(), rows.predictions.end());
  const std::vector<double> t(rows.targets.begin(), rows.targets.end());
  ExactCpcResult exact;
  exact.step_losses.resize(static_cast<size_t>(shape.steps()));
  exact.prediction_gradient.resize(p.size());
  exact.target_gradient.resize(t.size());
  std::vector<double> p_sizes(p.size()), t_sizes(t.size()), s(targets), d(targets), sizes(targets);
  for (size_t i = 0; i < static_cast<size_t>(shape.predictions()); ++i) {
    double maximum = -std::numeric_limits<double>::infinity();
    for (size_t k = 0; k < targets; ++k) {
      s[k] = 0;
      double size = 0;
      for (size_t c = 0; c < dim; ++c) {
        s[k] += rows.embed_scale * p[i * dim + c] * t[k * dim + c];
        size += std::abs(rows.embed_scale * p[i * dim + c] * t[k * dim + c]);
      }
      maximum = std::max(maximum, s[k]);
      exact.conditioning.kappa = std::max(exact.conditioning.kappa, size);
    }
    std::fill(d.begin(), d.end(), 0.0);
    std::fill(sizes.begin(), sizes.end(), 0.0);
    const auto steps = static_cast<size_t>(shape.steps()) - i / a_row;
    for (size_t step = 1; step <= steps; ++step) {
      const size_t pick = i + (step + 1) * a_row;
      double others = 0;
      for (size_t k = 0; k < targets; ++k) others += k == pick ? 0 : std::exp(s[k] - maximum);
      const double own = std::exp(s[pick] - maximum);
      const double share = 1 / static_cast<double>(shape.step_predictions(static_cast<int64_t>(step)));
      const double weight = share * static_cast<double>(step);
      exact.step_losses[step - 1] += share * (std::log(others + own) + maximum - s[pick]);
      for (size_t k = 0; k < targets; ++k) {
        const double g = weight * (k == pick ? -others : std::exp(s[k] - maximum)) / (others + own);
        d[k] += g;
        sizes[k] += std::abs(g);
      }
    }
    for (size_t k = 0; k < targets; ++k) {
      for (size_t c = 0; c < dim; ++c) {
        const double target = rows.embed_scale * t[k * dim + c];
        const double prediction = rows.embed_scale * p[i * dim + c];
        exact.prediction_gradient[i * dim + c] += d[k] * target;
        exact.target_gradient[k * dim + c] += d[k] * prediction;
        p_sizes[i * dim + c] += sizes[k] * std::abs(target);
        t_sizes[k * dim + c] += sizes[k] * std::abs(prediction);
      }
    }
  }
  exact.conditioning.magnitude = {*std::max_element(p_sizes.begin(), p_sizes.end()),
                                  *std::max_element(t_sizes.begin(), t_sizes.end())};
  return exact;
}

}  // namespace lossd::testing
