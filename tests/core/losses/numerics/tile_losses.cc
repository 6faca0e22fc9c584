// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <vector>

#include "core/engine/contrast_steps.h"
#include "core/engine/parallel.h"
#include "tests/core/losses/numerics/device_losses.h"
#include "tests/core/losses/numerics/exact_cpc.h"

namespace lossd::testing {
namespace {

template <typename T>
CpcRowsResult ContrastAs(const CpcRows& rows) {
  Workspace counter(nullptr);
  const ContrastProblem problem = rows.shape.InLines(rows.embed_scale);
  TakeStepContrastMemory<T>(problem, counter);
  BufferPool pool(0);
  const Buffer buffer = pool.Allocate(static_cast<size_t>(counter.bytes()));
  Workspace workspace(buffer.data());
  const std::vector<T> predictions(rows.predictions.begin(), rows.predictions.end());
  const std::vector<T> targets(rows.targets.begin(), rows.targets.end());
  std::vector<T> prediction_gradient(predictions.size());
  std::vector<T> target_gradient(targets.size());
  CpcRowsResult result;
  result.step_losses.resize(static_cast<size_t>(rows.shape.steps()));
  const StepOperands<T> contrast = {.rows = predictions.data(),
                                    .columns = targets.data(),
                                    .scale = rows.embed_scale,
                                    .step_weights = rows.step_weights,
                                    .memory = TakeStepContrastMemory<T>(problem, workspace),
                                    .step_losses = result.step_losses.data(),
                                    .row_gradient = prediction_gradient.data(),
                                    .column_gradient = target_gradient.data()};
  Serial serial;
  RunStepContrasts<T>(problem, {&contrast, 1}, serial);
  result.prediction_gradient.assign(prediction_gradient.begin(), prediction_gradient.end());
  result.target_gradient.assign(target_gradient.begin(), target_gradient.end());
  return result;
}

}  // namespace

const LossRegistry& DeviceLosses() {
  static const LossRegistry* losses = new LossRegistry(MakeTileLosses(int64_t{64} << 20));
  return *losses;
}

CpcRowsResult ContrastOnDevice(const CpcRows& rows) {
  return rows.dtype == DType::kFloat64 ? ContrastAs<double>(rows) : ContrastAs<float>(rows);
}

}  // namespace lossd::testing
