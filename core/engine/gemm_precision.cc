// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/gemm_precision.h"

#include <atomic>

namespace lossd {
namespace {

std::atomic<GemmPrecision> gemm_precision = GemmPrecision::kFloat32;

}  // namespace

void SetGemmPrecision(GemmPrecision precision) { gemm_precision.store(precision, std::memory_order_relaxed); }

GemmPrecision GetGemmPrecision() { return gemm_precision.load(std::memory_order_relaxed); }

bool HasBf16Products() {
#if defined(__x86_64__)
  static const bool has = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bf16") != 0;
  return has;
#else
  return false;
#endif
}

}  // namespace lossd
