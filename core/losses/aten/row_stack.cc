// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/row_stack.h"

#include <ATen/ATen.h>

namespace lossd::aten {
namespace {

// Norms of rows, [G, R, 1], float64, also where their squares leave its range.
at::Tensor NormsOf(const at::Tensor& wide) {
  const at::Tensor largest = wide.abs().amax(-1, true);
  const at::Tensor scale = largest.masked_fill(largest == 0, 1);
  return (wide / scale).square_().sum(-1, true).sqrt_().mul_(scale);
}

}  // namespace

RowStack::RowStack(Groups groups, const std::vector<ContrastPart>& parts, bool normalize, at::Device device)
    : groups_(groups), parts_(&parts), normalize_(normalize) {
  std::vector<at::Tensor> stacked;
  for (const ContrastPart& part : parts) stacked.push_back(StackInput(groups, static_cast<size_t>(part.input), device));
  rows_ = stacked.size() == 1 ? stacked[0] : at::cat(stacked, 1);
  const at::ScalarType type = rows_.scalar_type();
  const at::Tensor wide = rows_.to(at::kDouble);
  norms_ = NormsOf(wide);
  factor_ = at::ones({rows_.size(0)}, norms_.options());
  if (normalize) {
    rows_ = (wide / norms_.clamp_min(kNormEpsilon)).to(type);
    return;
  }
  const at::Tensor largest = norms_.squeeze(-1).amax(1);
  // exp2 of whole numbers is exact.
  const at::Tensor exponents = largest.masked_fill(largest == 0, 1).log2_().floor_();
  factor_ = exponents.masked_fill(exponents.isfinite().logical_not(), 0).exp2_();
  rows_ = (wide / factor_.view({-1, 1, 1})).to(type);
}

RowStack RowStack::Head(const std::vector<ContrastPart>& parts) const {
  RowStack head = *this;
  head.parts_ = &parts;
  head.rows_ = rows_.narrow(1, 0, parts[0].count);
  head.norms_ = norms_.narrow(1, 0, parts[0].count);
  if (gradient_.defined()) head.gradient_ = gradient_.narrow(1, 0, parts[0].count);
  return head;
}

at::Tensor RowStack::WriteGradients(const at::Tensor& factors) {
  at::Tensor gradient = gradient_.to(at::kDouble);  // [G, R, D]
  const at::Tensor wide = rows_.to(at::kDouble);
  const at::Tensor along = (wide * gradient).sum(-1, true);  // [G, R, 1]
  if (normalize_) {
    gradient = gradient.sub_(wide * along.masked_fill(norms_ < kNormEpsilon, 0)).div_(norms_.clamp_min(kNormEpsilon));
  }
  gradient = gradient.mul_(factors.view({-1, 1, 1})).to(rows_.scalar_type());
  int64_t first = 0;
  for (const ContrastPart& part : *parts_) {
    WriteGradient(groups_, static_cast<size_t>(part.input), gradient.narrow(1, first, part.count));
    first += part.count;
  }
  return along.squeeze(-1).sum(1);
}

}  // namespace lossd::aten
