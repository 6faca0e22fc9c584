// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What is known of a tensor without its elements.

#ifndef LOSSD_CORE_TENSOR_TENSOR_SPEC_H_
#define LOSSD_CORE_TENSOR_TENSOR_SPEC_H_

#include <cstdint>
#include <string>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/tensor/dtype.h"

namespace lossd {

// Extents, outermost first; empty for a scalar. Up to four lie in the object itself.
using Shape = absl::InlinedVector<int64_t, 4>;

// Name, element type and extents of a tensor. A plain value: nothing in it is checked.
struct TensorSpec {
  std::string name;
  DType dtype = DType::kUnspecified;
  Shape shape;

  friend bool operator==(const TensorSpec&, const TensorSpec&) = default;
};

// Number of elements; 1 for a scalar. Precondition: CheckedByteSize succeeded for this shape, or the shape is ours.
int64_t ElementCount(absl::Span<const int64_t> shape);

// Bytes of the elements. Same precondition.
int64_t ByteSize(const TensorSpec& spec);

// Bytes of a tensor as a stranger described it; 0 where an extent is. Fails with INVALID_ARGUMENT, text without field
// path, on an unspecified dtype, a negative extent, or a product that overflows int64 (also where another extent is 0).
// `dtype` is an enumerator; ranks are bounded elsewhere.
absl::StatusOr<int64_t> CheckedByteSize(DType dtype, absl::Span<const int64_t> shape);

// "[8, 128]"; "[]" for a scalar. For texts of errors. All of these are thread-safe.
std::string ShapeText(absl::Span<const int64_t> shape);

}  // namespace lossd

#endif  // LOSSD_CORE_TENSOR_TENSOR_SPEC_H_
