// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/aten_losses.h"

#include <ATen/ATen.h>

#include "core/engine/sweeps/host_sweeps.h"
#include "core/losses/aten/cpc_scores.h"
#include "tests/core/losses/numerics/device_losses.h"
#include "tests/core/losses/numerics/exact_cpc.h"

namespace lossd::testing {
namespace {

// Between positions in order [r][x][b], `rows` rows of them, and [b][r][x].
at::Tensor FromTiles(const std::vector<double>& values, int64_t rows, const CpcContrastShape& shape, DType dtype) {
  return at::tensor(values, dtype == DType::kFloat64 ? at::kDouble : at::kFloat)
      .view({rows, shape.width, shape.batch, shape.dim})
      .permute({2, 0, 1, 3})
      .reshape({1, rows * shape.width * shape.batch, shape.dim});
}
std::vector<double> ToTiles(const at::Tensor& values, int64_t rows, const CpcContrastShape& shape) {
  const at::Tensor ordered =
      values.view({shape.batch, rows, shape.width, shape.dim}).permute({1, 2, 0, 3}).to(at::kDouble).contiguous();
  return {ordered.data_ptr<double>(), ordered.data_ptr<double>() + ordered.numel()};
}

}  // namespace

const LossRegistry& DeviceLosses() {
  static const LossRegistry* losses =
      new LossRegistry(MakeAtenLosses("aten-cpu", {.parameter_cache_bytes = int64_t{64} << 20}).value());
  return *losses;
}

CpcRowsResult ContrastOnDevice(const CpcRows& rows) {
  DeviceLosses();  // One thread.
  aten::Target target;
  target.sweeps = std::make_shared<HostSweeps>();
  aten::CpcScores scores;
  scores.shape = rows.shape;
  scores.predictions = FromTiles(rows.predictions, rows.shape.steps(), rows.shape, rows.dtype);
  scores.targets = FromTiles(rows.targets, rows.shape.height, rows.shape, rows.dtype);
  scores.embed_scales = at::full({1}, rows.embed_scale, at::kDouble);
  scores.step_weights = at::tensor(rows.step_weights, at::kDouble).unsqueeze(0);
  LossTask task;
  LossTask* const group = &task;
  const aten::CpcScoresResult result = aten::ContrastSteps(scores, {&group, 1}, target);
  const double* const steps = result.step_losses.data_ptr<double>();
  return {{steps, steps + rows.shape.steps()},
          ToTiles(result.prediction_gradient, rows.shape.steps(), rows.shape),
          ToTiles(result.target_gradient, rows.shape.height, rows.shape)};
}

}  // namespace lossd::testing
