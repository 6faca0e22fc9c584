// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// How exactly matrix products read their operands.

#ifndef LOSSD_CORE_ENGINE_GEMM_PRECISION_H_
#define LOSSD_CORE_ENGINE_GEMM_PRECISION_H_

namespace lossd {

enum class GemmPrecision {
  // Operands of float products are taken as they are.
  kFloat32,
  // They are rounded to bfloat16 (to nearest, ties to even); products are exact and summed in float32, in the order of
  // kFloat32. So results are those of kFloat32 on rounded operands, bit for bit, but that subnormal operands and
  // results may become zero. Products of doubles are as ever.
  kBf16,
  // On cards alone: they are rounded to the ten bits of TF32; sums are float32. Products of doubles are as ever.
  kTf32,
};

// Sets the precision of all products of this process on the processor, kFloat32 or kBf16; kFloat32 until then. Not
// while products run, and operands that were packed before cannot be used after.
void SetGemmPrecision(GemmPrecision precision);

GemmPrecision GetGemmPrecision();

// Whether this processor multiplies bfloat16 itself (AVX512-BF16), up to twice as fast as float32. Elsewhere kBf16 is
// computed in float32, and no faster.
bool HasBf16Products();

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_GEMM_PRECISION_H_
