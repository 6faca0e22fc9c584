// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/row_stack.h"

#include <ATen/ATen.h>

#include "core/losses/aten/products.h"

namespace lossd::aten {
namespace {

at::Tensor Join(Groups groups, const std::vector<ContrastPart>& parts, at::Device device) {
  std::vector<at::Tensor> stacked;
  for (const ContrastPart& part : parts) stacked.push_back(StackInput(groups, static_cast<size_t>(part.input), device));
  return stacked.size() == 1 ? stacked[0] : at::cat(stacked, 1);
}

}  // namespace

RowStack::RowStack(Groups groups, const std::vector<ContrastPart>& parts, bool normalize, const Target& target)
    : groups_(groups),
      parts_(parts),
      normalize_(normalize),
      target_(target),
      source_(Join(groups, parts, target.device)),
      rows_(at::empty(source_.sizes(), source_.options().dtype(OperandType(target, source_.scalar_type())))),
      norms_(at::empty({source_.size(0), source_.size(1)}, source_.options().dtype(at::kDouble))) {
  if (!normalize) factor_ = at::empty({source_.size(0)}, norms_.options());
  ForType(type(), [&](auto zero) {
    using T = decltype(zero);
    NormSweep<T> norms;
    norms.vectors = Sources<T>();
    norms.least = kNormEpsilon;
    norms.norms = ElementsOf<double>(norms_);
    if (normalize) norms.normalized = DestinationIn<T>(rows_);
    target.Run(norms);
    if (normalize) return;
    ScaleOfGroup scale;
    scale.group_count = source_.size(0);
    scale.rows = source_.size(1);
    scale.norms = ElementsOf<double>(norms_);
    scale.scales = ElementsOf<double>(factor_);
    target.Run(scale);
    ScaledVectors<T> scaled;
    scaled.vectors = Sources<T>();
    scaled.scales = ElementsOf<double>(factor_);
    scaled.scaled = DestinationIn<T>(rows_);
    target.Run(scaled);
  });
}

template <typename T>
Vectors<T> RowStack::Sources() const {
  return {ElementsOf<T>(source_), source_.stride(0), source_.size(0), source_.size(1), source_.size(2)};
}

void RowStack::MakeGradient() { gradient_ = at::zeros(source_.sizes(), source_.options()); }

at::Tensor RowStack::WriteGradients(const std::vector<at::Tensor>& factors) {
  const at::Tensor along = at::empty_like(norms_);
  const at::Tensor squares = at::empty_like(norms_);
  ForType(type(), [&](auto zero) {
    using T = decltype(zero);
    OperandGradient<T> sweep;
    sweep.vectors = Sources<T>();
    sweep.gradient = ElementsOf<T>(gradient_);
    if (normalize_) {
      sweep.norms = ElementsOf<double>(norms_);
    } else {
      sweep.scales = ElementsOf<double>(factor_);
    }
    sweep.least = kNormEpsilon;
    sweep.factor = ProductOf(factors);
    sweep.result = ElementsOf<T>(gradient_);
    sweep.squares = ElementsOf<double>(squares);
    sweep.along = ElementsOf<double>(along);
    target_.Run(sweep);
  });
  int64_t first = 0;
  for (const ContrastPart& part : parts_) {
    WriteGradient(groups_, static_cast<size_t>(part.input), gradient_.narrow(1, first, part.count),
                  squares.narrow(1, first, part.count));
    first += part.count;
  }
  return along;
}

GroupProduct ProductOf(const std::vector<at::Tensor>& factors) {
  GroupProduct product;
  size_t next = 0;
  for (const at::Tensor& factor : factors) {
    if (factor.defined()) product.factors[next++] = ElementsOf<double>(factor);
  }
  return product;
}

}  // namespace lossd::aten
