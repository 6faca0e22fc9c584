// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/map_contrast.h"

#include <ATen/ATen.h>

#include "core/losses/aten/contrast_terms.h"
#include "core/losses/aten/products.h"

namespace lossd::aten {

PackedMap PackMap(const at::Tensor& map, at::ScalarType type, bool wanted, const Target& target) {
  const int64_t locations = map.size(3) * map.size(4);
  at::Tensor values = at::empty({map.size(0), map.size(2), map.size(1), map.size(3), map.size(4)},
                                map.options().dtype(OperandType(target, type)));
  values.copy_(map.transpose(1, 2));
  values = values.view({map.size(0), map.size(2), map.size(1) * locations});
  return {values, wanted ? at::zeros(values.sizes(), map.options().dtype(type)) : at::Tensor(), locations, type};
}

at::Tensor UnpackGradient(const PackedMap& map, int64_t images) {
  return map.gradient.view({map.gradient.size(0), map.gradient.size(1), images, map.locations}).transpose(1, 2);
}

void ContrastMaps(const MapDirection& direction, Groups groups, const Target& target) {
  const at::Tensor& source = direction.source->values;  // [G, C, B L]
  const int64_t images = direction.problem.row_count();
  const at::Tensor index = direction.positions.unsqueeze(1).expand({source.size(0), source.size(1), images});
  const at::Tensor sources = source.gather(2, index);  // [G, C, B]
  ContrastOperands operands;
  operands.type = direction.source->type;
  operands.rows.vectors = sources.transpose(1, 2);
  operands.columns.vectors = direction.target->values.transpose(1, 2);
  at::Tensor source_gradient;
  if (direction.source->gradient.defined()) {
    source_gradient = at::zeros({source.size(0), images, source.size(1)}, direction.source->gradient.options());
    operands.rows.gradient = source_gradient;
  }
  if (direction.target->gradient.defined()) operands.columns.gradient = direction.target->gradient.transpose(1, 2);
  operands.loss_weights = direction.loss_weights;
  operands.square_weights = direction.square_weights;
  operands.weight_exponent = direction.weight_exponent;
  operands.numbers = direction.numbers;
  RunTerms(direction.problem, groups, target, operands);
  if (source_gradient.defined()) direction.source->gradient.scatter_add_(2, index, source_gradient.transpose(1, 2));
}

}  // namespace lossd::aten
