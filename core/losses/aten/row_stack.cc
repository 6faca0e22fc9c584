// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/row_stack.h"

#include <ATen/ATen.h>

#include "core/losses/aten/products.h"

namespace lossd::aten {
namespace {

at::Tensor Join(Groups groups, absl::Span<const ContrastPart> parts, at::Device device) {
  std::vector<at::Tensor> stacked;
  for (const ContrastPart& part : parts) {
    stacked.push_back(StackInputAsSent(groups, static_cast<size_t>(part.input), device));
  }
  return stacked.size() == 1 ? stacked[0] : at::cat(stacked, 1);
}

}  // namespace

RowStack::RowStack(Groups groups, absl::Span<const ContrastPart> parts, bool normalize, at::ScalarType type,
                   const Target& target)
    : groups_(groups),
      parts_(parts),
      normalize_(normalize),
      type_(type),
      target_(target),
      source_(Join(groups, parts, target.device)),
      rows_(at::empty(source_.sizes(), source_.options().dtype(OperandType(target, type)))),
      norms_(at::empty({source_.size(0), source_.size(1)}, source_.options().dtype(at::kDouble))) {
  if (!normalize) factor_ = at::empty({source_.size(0)}, norms_.options());
  ForTypes([&](auto zero, auto computed) {
    using T = decltype(zero);
    using To = decltype(computed);
    NormSweep<T, To> norms;
    norms.vectors = Sources<T>();
    norms.least = kNormEpsilon;
    norms.norms = ElementsOf<double>(norms_);
    if (normalize) norms.normalized = DestinationIn<To>(rows_);
    target.Run(norms);
    if (normalize) return;
    ScaleOfGroup scale;
    scale.group_count = source_.size(0);
    scale.rows = source_.size(1);
    scale.norms = ElementsOf<double>(norms_);
    scale.scales = ElementsOf<double>(factor_);
    target.Run(scale);
    ScaledVectors<T, To> scaled;
    scaled.vectors = Sources<T>();
    scaled.scales = ElementsOf<double>(factor_);
    scaled.scaled = DestinationIn<To>(rows_);
    target.Run(scaled);
  });
}

template <typename T>
Vectors<T> RowStack::Sources() const {
  Vectors<T> vectors;
  if (IsNarrow(source_.scalar_type())) {
    vectors.narrow = static_cast<const uint16_t*>(source_.data_ptr());
    vectors.type = NarrowTypeOf(source_.scalar_type());
  } else {
    vectors.elements = ElementsOf<T>(source_);
  }
  vectors.group_stride = source_.stride(0);
  vectors.groups = source_.size(0);
  vectors.rows = source_.size(1);
  vectors.width = source_.size(2);
  return vectors;
}

template <typename Body>
void RowStack::ForTypes(const Body& body) const {
  ForType(source_type(), [&](auto zero) {
    if (type_ == source_type()) return body(zero, zero);
    body(zero, double{0});
  });
}

void RowStack::MakeGradient() { gradient_ = at::zeros(source_.sizes(), source_.options().dtype(type_)); }

at::Tensor RowStack::WriteGradients(const std::vector<at::Tensor>& factors) {
  at::Tensor along = at::empty_like(norms_);
  const at::Tensor squares = at::empty_like(norms_);
  const bool rounds = type_ != source_type();
  const at::Tensor result = rounds ? at::empty(source_.sizes(), source_.options().dtype(source_type())) : gradient_;
  ForTypes([&](auto zero, auto computed) {
    using T = decltype(zero);
    using Sum = decltype(computed);
    OperandGradient<T, Sum> sweep;
    sweep.vectors = Sources<T>();
    sweep.gradient = ElementsOf<Sum>(gradient_);
    if (normalize_) {
      sweep.norms = ElementsOf<double>(norms_);
    } else {
      sweep.scales = ElementsOf<double>(factor_);
    }
    sweep.least = kNormEpsilon;
    sweep.factor = ProductOf(factors);
    sweep.result = ElementsOf<T>(result);
    sweep.squares = ElementsOf<double>(squares);
    sweep.along = ElementsOf<double>(along);
    target_.Run(sweep);
  });
  int64_t first = 0;
  for (const ContrastPart& part : parts_) {
    WriteGradient(groups_, static_cast<size_t>(part.input), result.narrow(1, first, part.count),
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
