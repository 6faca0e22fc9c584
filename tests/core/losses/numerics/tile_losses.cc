// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

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
  TakeContrastMemory<float>(rows.shape, counter);
  BufferPool pool(0);
  const Buffer buffer = pool.Allocate(static_cast<size_t>(counter.bytes()));
  Workspace workspace(buffer.data());
  std::vector<float> predictions(rows.predictions.size());
  std::vector<float> targets(rows.targets.size());
  CpcRowsResult result;
  result.step_losses.resize(static_cast<size_t>(rows.shape.steps()));
  const CpcContrast<float> contrast = {.predictions = rows.predictions.data(),
                                       .targets = rows.targets.data(),
                                       .embed_scale = rows.embed_scale,
                                       .weighting = StepWeighting::kReference,
                                       .memory = TakeContrastMemory<float>(rows.shape, workspace),
                                       .step_losses = result.step_losses.data(),
                                       .prediction_gradient = predictions.data(),
                                       .target_gradient = targets.data()};
  Serial serial;
  RunCpcContrast<float>(rows.shape, {&contrast, 1}, serial);
  result.prediction_gradient.assign(predictions.begin(), predictions.end());
  result.target_gradient.assign(targets.begin(), targets.end());
  return result;
}

}  // namespace lossd::testing
