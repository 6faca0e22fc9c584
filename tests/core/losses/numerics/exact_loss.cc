// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/core/losses/numerics/exact_loss.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <variant>

namespace lossd::testing {
namespace {

DType TypeOf(const TestCase& test_case) {
  return test_case.inputs[0].dtype == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32;
}

template <typename Real>
ExactResult ExactlyAs(const Loss& loss, const TestCase& test_case, const TestResult& result) {
  if (std::holds_alternative<FeatureMapContrastiveConfig>(test_case.request.loss)) {
    return ExactMaps<Real>(test_case, result);
  }
  if (std::holds_alternative<SquaredNormConfig>(test_case.request.loss)) return ExactSquaredNorm<Real>(test_case);
  ComputeSpec request = test_case.request;
  for (const TestInput& input : test_case.inputs) request.inputs.push_back({input.name, input.dtype, input.shape});
  const auto plan = loss.Prepare(request).value();
  const OperatorProblem& problem = static_cast<const OperatorPlan&>(*plan).problem;
  if (const auto* moments = std::get_if<MomentsProblem>(&problem)) return ExactMoments<Real>(*moments, test_case);
  return ExactContrast<Real>(std::get<ContrastProblem>(problem), test_case);
}

}  // namespace

template <typename Real>
ExactResult ExactSquaredNorm(const TestCase& test_case) {
  ExactResult exact;
  Real sum = 0;
  for (const std::vector<Real>& x : StoredAs<Real>(test_case)) {
    std::vector<double>& gradient = exact.gradients.emplace_back();
    for (const Real value : x) {
      sum += value * value / 2;
      gradient.push_back(static_cast<double>(value * static_cast<Real>(test_case.request.gradients.scale)));
    }
    exact.conditioning.magnitude.push_back(0);
  }
  exact.objective = static_cast<double>(sum);
  return exact;
}

ExactResult Exactly(const Loss& loss, const TestCase& test_case, const TestResult& result) {
  return TypeOf(test_case) == DType::kFloat64 ? ExactlyAs<long double>(loss, test_case, result)
                                              : ExactlyAs<double>(loss, test_case, result);
}

double WorstShareOf(const TestCase& test_case, const TestResult& result, const ExactResult& exact) {
  const DType dtype = TypeOf(test_case);
  double worst = LossErrorShare(result.objective, exact.objective, exact.conditioning.kappa, dtype);
  for (size_t i = 0; i < exact.gradients.size(); ++i) {
    if (!result.gradients[i].buffer()) continue;
    const double share = GradientErrorShare(result.gradient(i), exact.gradients[i], exact.conditioning.magnitude[i],
                                            exact.gradient_kappa, dtype);
    worst = std::isnan(share) ? share : std::max(worst, share);
    if (std::isnan(worst)) break;
  }
  return std::isnan(worst) ? std::numeric_limits<double>::infinity() : worst;
}

}  // namespace lossd::testing
