// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <numeric>

#include "core/engine/contrast_steps.h"
#include "core/engine/parallel.h"
#include "tests/core/losses/numerics/device_losses.h"
#include "tests/core/losses/numerics/exact_cpc.h"

namespace lossd::testing {

const LossRegistry& DeviceLosses() {
  static const LossRegistry* losses = new LossRegistry(MakeTileLosses(int64_t{64} << 20));
  return *losses;
}

CpcRowsResult ContrastOnDevice(const CpcRows& rows) {
  Workspace counter(nullptr);
  const ContrastProblem problem = rows.shape.InLines(rows.embed_scale);
  TakeStepContrastMemory<float>(problem, counter);
  BufferPool pool(0);
  const Buffer buffer = pool.Allocate(static_cast<size_t>(counter.bytes()));
  Workspace workspace(buffer.data());
  std::vector<float> predictions(rows.predictions.size());
  std::vector<float> targets(rows.targets.size());
  CpcRowsResult result;
  result.step_losses.resize(static_cast<size_t>(rows.shape.steps()));
  std::vector<double> weights(result.step_losses.size());
  std::iota(weights.begin(), weights.end(), 1.0);
  const StepOperands<float> contrast = {.rows = rows.predictions.data(),
                                        .columns = rows.targets.data(),
                                        .scale = rows.embed_scale,
                                        .step_weights = weights,
                                        .memory = TakeStepContrastMemory<float>(problem, workspace),
                                        .step_losses = result.step_losses.data(),
                                        .row_gradient = predictions.data(),
                                        .column_gradient = targets.data()};
  Serial serial;
  RunStepContrasts<float>(problem, {&contrast, 1}, serial);
  result.prediction_gradient.assign(predictions.begin(), predictions.end());
  result.target_gradient.assign(targets.begin(), targets.end());
  return result;
}

}  // namespace lossd::testing
