// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/core/losses/numerics/exact_loss.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <variant>

#include "core/tensor/convert.h"

namespace lossd::testing {
namespace {

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

// Half a unit in the last place of a number in a 16-bit type.
double HalfUnit(double number, DType dtype) {
  const bool half = dtype == DType::kFloat16;
  if (number == 0) return std::ldexp(1.0, half ? -25 : -134);
  return std::ldexp(1.0, half ? std::max(std::ilogb(number), -14) - 11 : std::max(std::ilogb(number), -126) - 8);
}

// A gradient as it leaves in `dtype`, without what that rounding may do.
std::vector<double> AsItLeaves(const std::vector<double>& computed, const std::vector<double>& exact, DType dtype) {
  std::vector<double> leaving = RoundedThrough(dtype, computed);
  const double most = dtype == DType::kFloat16 ? 65504 : std::numeric_limits<float>::max();
  for (size_t i = 0; i < leaving.size(); ++i) {
    const double distance = leaving[i] - exact[i];
    const double unit = HalfUnit(std::max(std::abs(exact[i]), std::abs(computed[i])), dtype);
    const bool beyond = std::isinf(leaving[i]) && std::abs(exact[i]) > 0.999 * most;
    if (beyond || std::abs(distance) <= unit) {
      leaving[i] = exact[i];
    } else {
      leaving[i] -= std::copysign(unit, distance);
    }
  }
  return leaving;
}

// Weights below the smallest normal number lose digits, or all of them, before rows and gradients.scale multiply them:
// what that may cost a gradient where rows and 1 / temperature come to less than 1e4.
double LostWithWeights(double scale, DType dtype) {
  const double smallest =
      dtype == DType::kFloat64 ? std::numeric_limits<double>::min() : std::numeric_limits<float>::min();
  return 1e4 * smallest * std::abs(scale);
}

}  // namespace

DType TypeOf(const TestCase& test_case) {
  return test_case.inputs[0].dtype == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32;
}

std::vector<double> RoundedThrough(DType dtype, const std::vector<double>& values) {
  const auto count = static_cast<int64_t>(values.size());
  std::vector<float> wide(values.begin(), values.end());
  if (IsHalf(dtype)) {
    std::vector<uint16_t> narrow(values.size());
    RoundTo(DType::kFloat64, values.data(), dtype, narrow.data(), count);
    Widen(dtype, reinterpret_cast<const std::byte*>(narrow.data()), wide.data(), count);
  }
  return {wide.begin(), wide.end()};
}

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

ExactResult ExactlyInExtended(const Loss& loss, const TestCase& test_case, const TestResult& result) {
  return ExactlyAs<long double>(loss, test_case, result);
}

double WorstShareOf(const TestCase& test_case, const TestResult& result, const ExactResult& exact) {
  if (!exact.is_decided) return 0;
  const DType dtype = TypeOf(test_case);
  double worst = LossErrorShare(result.objective, exact.objective, exact.conditioning.kappa, dtype);
  const double lost = LostWithWeights(test_case.request.gradients.scale, dtype);
  for (size_t i = 0; i < exact.gradients.size(); ++i) {
    if (!result.gradients[i].buffer()) continue;
    const DType leaving = test_case.inputs[i].dtype;
    const std::vector<double> computed = result.gradient(i);
    const double share =
        GradientErrorShare(IsHalf(leaving) ? AsItLeaves(computed, exact.gradients[i], leaving) : computed,
                           exact.gradients[i], exact.conditioning.magnitude[i], exact.gradient_kappa, dtype, lost);
    worst = std::isnan(share) ? share : std::max(worst, share);
    if (std::isnan(worst)) break;
  }
  return std::isnan(worst) ? std::numeric_limits<double>::infinity() : worst;
}

}  // namespace lossd::testing
