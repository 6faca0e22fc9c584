// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/score_rows.h"

#include <ATen/ATen.h>

#include <limits>

namespace lossd::aten {

at::Tensor RowSums::log_sum_exp() const { return maximum + sum.log(); }

at::Tensor RowSums::log_maximum() const {
  return maximum.masked_fill(sum == 0, -std::numeric_limits<double>::infinity());
}

RowSums ExponentiateRows(at::Tensor& scores) {
  at::Tensor maximum = scores.amax(-1, true);  // [G, rows, 1]
  maximum.masked_fill_(maximum == -std::numeric_limits<double>::infinity(), 0);
  scores.sub_(maximum).exp_();
  return {maximum.squeeze(-1).to(at::kDouble), scores.sum(-1).to(at::kDouble)};
}

at::Tensor DividedBySum(const at::Tensor& factor, const at::Tensor& sum) {
  return factor / sum.masked_fill(sum == 0, 1);
}

// Composed of functions whose vector form treats every element alike: ATen's own softplus and sigmoid round the last
// elements of a tensor differently, and which are the last depends on the batch.
at::Tensor Softplus(const at::Tensor& x) { return x.clamp_min(0) + x.abs().neg_().exp_().log1p_(); }

at::Tensor Sigmoid(const at::Tensor& x) { return x.neg().exp_().add_(1).reciprocal_(); }

}  // namespace lossd::aten
