// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/tensor/dtype.h"

namespace lossd {

absl::string_view DTypeName(DType dtype) {
  constexpr absl::string_view kNames[] = {"UNSPECIFIED", "FLOAT32", "FLOAT16", "BFLOAT16",
                                          "FLOAT64",     "INT32",   "INT64",   "UINT8"};
  return kNames[static_cast<size_t>(dtype)];
}

}  // namespace lossd
