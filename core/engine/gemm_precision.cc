// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/gemm_precision.h"

namespace lossd {

bool HasBf16Products() {
#if defined(__x86_64__)
  static const bool has = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bf16") != 0;
  return has;
#else
  return false;
#endif
}

bool Bf16ProductsAreFaster() {
#if defined(__x86_64__)
  static const bool faster = HasBf16Products() && __builtin_cpu_is("amd") != 0;
  return faster;
#else
  return false;
#endif
}

}  // namespace lossd
