// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a loss and its gradients are to all digits that matter, by plain loops in a wider type: float64 for float32
// requests, extended precision for float64 ones. And what rounding may do to them (docs/losses.md, "How exact").

#ifndef LOSSD_TESTS_CORE_LOSSES_NUMERICS_EXACT_LOSS_H_
#define LOSSD_TESTS_CORE_LOSSES_NUMERICS_EXACT_LOSS_H_

#include <vector>

#include "core/losses/loss.h"
#include "core/losses/operator_loss.h"
#include "tests/support/accuracy.h"
#include "tests/support/loss_runs.h"

namespace lossd::testing {

struct ExactResult {
  double objective = 0;
  std::vector<std::vector<double>> gradients;  // Times the requested scale; of an input without one, empty.
  Conditioning conditioning;
  double gradient_kappa = 0;  // In place of kappa, for gradients.
  // False where cosines are so close to what decides who leaves a denominator that their rounding does.
  bool is_decided = true;
};

// Values rounded to a narrower floating type, and widened again.
std::vector<double> RoundedThrough(DType dtype, const std::vector<double>& values);

// The type that a case is computed in, FLOAT32 or FLOAT64.
DType TypeOf(const TestCase& test_case);

// The value of `test_case`, which `result` is a run of: what it drew is taken from there. All losses but cpc.
ExactResult Exactly(const Loss& loss, const TestCase& test_case, const TestResult& result);

// Values as the server stores them.
template <typename Real>
std::vector<std::vector<Real>> StoredAs(const TestCase& test_case) {
  std::vector<std::vector<Real>> stored;
  for (const TestInput& input : test_case.inputs) {
    std::vector<Real>& values = stored.emplace_back();
    for (const double value : input.values) {
      values.push_back(input.dtype == DType::kFloat32 ? static_cast<Real>(static_cast<float>(value))
                                                      : static_cast<Real>(value));
    }
  }
  return stored;
}

// The same in extended precision, whatever the request's.
ExactResult ExactlyInExtended(const Loss& loss, const TestCase& test_case, const TestResult& result);

// The parts of Exactly. Real is double or long double.
template <typename Real>
ExactResult ExactContrast(const ContrastProblem& problem, const TestCase& test_case);
template <typename Real>
ExactResult ExactMoments(const MomentsProblem& problem, const TestCase& test_case);
template <typename Real>
ExactResult ExactMaps(const TestCase& test_case, const TestResult& result);
template <typename Real>
ExactResult ExactSquaredNorm(const TestCase& test_case);

// The largest share of what is allowed that `result` takes, over the objective and all gradients; infinite where
// numbers are missing. Gradients of 16-bit inputs are rounded as they leave, and may be wrong by half a unit of their
// last place beside. Nothing where the exact result is not decided.
double WorstShareOf(const TestCase& test_case, const TestResult& result, const ExactResult& exact);

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_CORE_LOSSES_NUMERICS_EXACT_LOSS_H_
