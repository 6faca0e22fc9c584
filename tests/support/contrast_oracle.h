// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Contrastive losses and their gradients by plain loops in float64, straight from the definitions: independent of the
// engine, slow, with P - pick gradients.

#ifndef LOSSD_TESTS_SUPPORT_CONTRAST_ORACLE_H_
#define LOSSD_TESTS_SUPPORT_CONTRAST_ORACLE_H_

#include <vector>

#include "tests/support/accuracy.h"
#include "tests/support/loss_runs.h"

namespace lossd::testing {

struct OracleResult {
  double objective = 0;
  std::vector<double> losses;                  // One for each comparison; nt_xent: one.
  double regularizer = 0;                      // Feature maps only.
  std::vector<std::vector<double>> gradients;  // Of the objective times the requested scale, for each input.
  Conditioning conditioning;
};

// Feature maps, for the comparisons [K, 2] and positions [K, directions, B] that a run reported. Inputs are taken as
// rounded to their storage dtype.
OracleResult FeatureMapOracle(const TestCase& test_case, const std::vector<double>& comparisons,
                              const std::vector<double>& positions);

// nt_xent over inputs out_1 and out_2, in this order.
OracleResult NtXentOracle(const TestCase& test_case);

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_CONTRAST_ORACLE_H_
