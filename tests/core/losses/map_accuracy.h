// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#ifndef LOSSD_TESTS_CORE_LOSSES_MAP_ACCURACY_H_
#define LOSSD_TESTS_CORE_LOSSES_MAP_ACCURACY_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "core/losses/loss.h"
#include "tests/support/accuracy.h"
#include "tests/support/contrast_oracle.h"
#include "tests/support/loss_runs.h"
#include "tests/support/status_matchers.h"

namespace lossd::testing {

// Runs a case and compares everything with the oracle. Returns the largest share of the allowed error.
inline double ExpectAccurate(const TestCase& test_case) {
  auto result = RunAlone(*MakeFeatureMapContrastive(), test_case);
  EXPECT_OK(result);
  if (!result.ok()) return NAN;
  const DType dtype = test_case.inputs[0].dtype == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32;
  const OracleResult oracle = FeatureMapOracle(test_case, result->output("comparisons"), result->output("positions"));
  const double kappa = oracle.conditioning.kappa;
  double worst = LossErrorShare(result->objective, oracle.objective, kappa, dtype);
  EXPECT_LE(worst, 1) << "objective";
  const std::vector<double> losses = result->output("losses");
  for (size_t k = 0; k < losses.size(); ++k) {
    const double share = LossErrorShare(losses[k], oracle.losses[k], kappa, dtype);
    EXPECT_LE(share, 1) << "loss " << k;
    worst = std::max(worst, share);
  }
  EXPECT_LE(LossErrorShare(result->output("regularizer")[0], oracle.regularizer, kappa, dtype), 1);
  for (size_t i = 0; i < test_case.inputs.size(); ++i) {
    const double share =
        GradientErrorShare(result->gradient(i), oracle.gradients[i], oracle.conditioning.magnitude[i], kappa, dtype);
    EXPECT_LE(share, 1) << test_case.inputs[i].name;
    worst = std::max(worst, share);
  }
  return worst;
}

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_CORE_LOSSES_MAP_ACCURACY_H_
