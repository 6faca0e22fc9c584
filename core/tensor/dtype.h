// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Element types of tensors.

#ifndef LOSSD_CORE_TENSOR_DTYPE_H_
#define LOSSD_CORE_TENSOR_DTYPE_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace lossd {

// Element type of a tensor. The values are those of lossd.v1.Dtype; floating types stand together, which IsFloating
// goes by. Elements are little endian, in memory as on the wire, which is all that copies rely on.
enum class DType : uint8_t {
  kUnspecified = 0,  // Of no tensor that came through CheckedByteSize.
  kFloat32 = 1,      // IEEE 754 binary32. What most losses compute in.
  kFloat16 = 2,      // IEEE 754 binary16.
  kBFloat16 = 3,     // The upper half of binary32.
  kFloat64 = 4,      // IEEE 754 binary64. Computed in throughout, where inputs are.
  kInt32 = 5,        // Two's complement. Labels; comparisons and positions in answers.
  kInt64 = 6,        // Two's complement. Labels.
  kUint8 = 7,        // Unsigned. Of squared_norm alone.
};

// Bytes of one element; 0 for kUnspecified. As the following ones, of enumerators alone: others are checked where they
// come in.
constexpr size_t SizeOf(DType dtype) {
  constexpr size_t kSizes[] = {0, 4, 2, 2, 8, 4, 8, 1};
  return kSizes[static_cast<size_t>(dtype)];
}

// Whether `dtype` is FLOAT32, FLOAT16, BFLOAT16 or FLOAT64.
constexpr bool IsFloating(DType dtype) { return dtype >= DType::kFloat32 && dtype <= DType::kFloat64; }

// Whether `dtype` is a 16-bit floating type, which is stored as float32 inside the server (but for what a device widens
// itself).
constexpr bool IsHalf(DType dtype) { return dtype == DType::kFloat16 || dtype == DType::kBFloat16; }

// Element type in which values of `dtype` are kept and computed: float32 for 16-bit types, else `dtype` itself.
constexpr DType StorageDType(DType dtype) { return IsHalf(dtype) ? DType::kFloat32 : dtype; }

// "FLOAT32" and so on, as in lossd.v1.Dtype without its prefix.
absl::string_view DTypeName(DType dtype);

}  // namespace lossd

#endif  // LOSSD_CORE_TENSOR_DTYPE_H_
