// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// How exactly matrix products read their operands: an argument of each, so that back ends of one process, and problems
// of one back end, may differ in it.

#ifndef LOSSD_CORE_ENGINE_GEMM_PRECISION_H_
#define LOSSD_CORE_ENGINE_GEMM_PRECISION_H_

namespace lossd {

enum class GemmPrecision {
  // Operands of float products are taken as they are.
  kFloat32,
  // They are rounded to bfloat16 (to nearest, ties to even); products are exact and summed in float32, in the order of
  // kFloat32. So results are those of kFloat32 on rounded operands, bit for bit, but that subnormal operands and
  // results may become zero. Products of doubles are as ever. On the processor, and on cards.
  kBf16,
  // On cards alone: they are rounded to the ten bits of TF32; sums are float32. Products of doubles are as ever.
  kTf32,
};

// Whether this processor multiplies bfloat16 itself (AVX512-BF16). Elsewhere kBf16 is computed in float32.
bool HasBf16Products();

// Whether it does so faster than float32: AMD's do, up to twice as fast; Intel's do not, and rounding operands comes on
// top.
bool Bf16ProductsAreFaster();

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_GEMM_PRECISION_H_
