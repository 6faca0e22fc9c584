// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/tensor/tensor_spec.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace lossd {

int64_t ElementCount(absl::Span<const int64_t> shape) {
  int64_t count = 1;
  for (int64_t extent : shape) count *= extent;
  return count;
}

int64_t ByteSize(const TensorSpec& spec) { return ElementCount(spec.shape) * static_cast<int64_t>(SizeOf(spec.dtype)); }

absl::StatusOr<int64_t> CheckedByteSize(DType dtype, absl::Span<const int64_t> shape) {
  if (dtype == DType::kUnspecified) return absl::InvalidArgumentError("dtype is not set");
  int64_t bytes = static_cast<int64_t>(SizeOf(dtype));
  bool empty = false;
  for (int64_t extent : shape) {
    if (extent < 0) {
      return absl::InvalidArgumentError(absl::StrCat("expected extents >= 0, got ", ShapeText(shape)));
    }
    empty |= extent == 0;
    if (extent != 0 && __builtin_mul_overflow(bytes, extent, &bytes)) {
      return absl::InvalidArgumentError(
          absl::StrCat("expected extents whose product, without zeros, is below 2^63 bytes, got ", ShapeText(shape),
                       " of ", DTypeName(dtype)));
    }
  }
  return empty ? 0 : bytes;
}

std::string ShapeText(absl::Span<const int64_t> shape) { return absl::StrCat("[", absl::StrJoin(shape, ", "), "]"); }

}  // namespace lossd
