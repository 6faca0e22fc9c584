// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// CPC's contrast alone, between predictions and targets, on the device that a program is linked for and exactly.

#ifndef LOSSD_TESTS_CORE_LOSSES_NUMERICS_EXACT_CPC_H_
#define LOSSD_TESTS_CORE_LOSSES_NUMERICS_EXACT_CPC_H_

#include <vector>

#include "core/losses/cpc/cpc_contrast.h"
#include "tests/support/accuracy.h"

namespace lossd::testing {

struct CpcRows {
  CpcContrastShape shape;
  DType dtype = DType::kFloat32;  // Or FLOAT64: of what is stored and computed.
  double embed_scale = 0.1;
  std::vector<double> step_weights;  // [steps]
  std::vector<double> predictions;   // [predictions, D], positions in order [r][x][b].
  std::vector<double> targets;       // [targets, D], likewise.
};

struct CpcRowsResult {
  std::vector<double> step_losses;
  std::vector<double> prediction_gradient;
  std::vector<double> target_gradient;

  double LossWith(const std::vector<double>& step_weights) const;
};

// As the device does.
CpcRowsResult ContrastOnDevice(const CpcRows& rows);

struct ExactCpcResult : CpcRowsResult {
  Conditioning conditioning;  // Magnitudes of predictions, then targets.
};
// In float64, of FLOAT64 in extended precision.
ExactCpcResult ContrastExactly(const CpcRows& rows);

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_CORE_LOSSES_NUMERICS_EXACT_CPC_H_
