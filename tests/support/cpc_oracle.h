// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// CPC written from its definition, in float64 and with explicit loops: the PixelCNN on all rows with padding in memory,
// one softmax a step and position.

#ifndef LOSSD_TESTS_SUPPORT_CPC_ORACLE_H_
#define LOSSD_TESTS_SUPPORT_CPC_ORACLE_H_

#include <cstdint>
#include <vector>

#include "core/losses/cpc/cpc_parameters.h"
#include "tests/support/loss_runs.h"

namespace lossd::testing {

// A request with all its values.
struct CpcCase {
  int64_t batch = 2;
  int64_t channels = 3;
  int64_t height = 5;
  int64_t width = 4;
  int64_t dim = 6;
  double embed_scale = 0.5;
  StepWeighting weighting = StepWeighting::kReference;
  std::vector<double> z = {};                        // [B, C, H, W]
  std::vector<std::vector<double>> parameters = {};  // In the order of the state_dict.
};

// Draws z and parameters for the shapes in `shapes`; values are float32 numbers. Parameters have the magnitude of the
// reference's initialisation times 1.5.
CpcCase DrawCpcCase(uint64_t seed, CpcCase shapes);

// The request that `values` asks for, with parameters sent, in this dtype.
TestCase MakeCpcTestCase(const CpcCase& values, DType dtype);

// The PixelCNN's result, [B, C, H, W].
std::vector<double> NaiveContext(const CpcCase& values);

struct NaiveCpcResult {
  double loss = 0;
  std::vector<double> step_losses;
};
NaiveCpcResult NaiveCpc(const CpcCase& values);

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_CPC_ORACLE_H_
