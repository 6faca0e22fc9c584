// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Packed panels in bfloat16, for GemmPrecision::kBf16. For sources compiled once per target.

#if defined(LOSSD_CORE_ENGINE_GEMM_BF16_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LOSSD_CORE_ENGINE_GEMM_BF16_INL_H_
#undef LOSSD_CORE_ENGINE_GEMM_BF16_INL_H_
#else
#define LOSSD_CORE_ENGINE_GEMM_BF16_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "core/engine/gemm_precision.h"
#include "core/engine/partial_vector-inl.h"
#include "hwy/highway.h"

// Targets that may find an instruction for pairs of products.
#undef LOSSD_BF16_PAIRS
#define LOSSD_BF16_PAIRS (HWY_ARCH_X86_64 && HWY_TARGET <= HWY_AVX3)

HWY_BEFORE_NAMESPACE();
namespace lossd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Whether panels hold pairs: in an element's place one step of k in the upper half and the next in the lower, so that a
// panel takes half its steps. Otherwise they hold floats that are rounded.
HWY_INLINE bool UsesPairs(bool bf16) { return LOSSD_BF16_PAIRS && bf16 && HasBf16Products(); }

// The bits of floats whose upper halves are the nearest bfloat16; the lower halves are left to be cut off. NaN stays.
template <class DU, class V = hn::Vec<DU>>
HWY_INLINE V RoundedBits(DU du, V bits) {
  const hn::Rebind<float, DU> d;
  const V odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1));
  const V rounded = hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7FFF)));
  const V quiet = hn::Or(bits, hn::Set(du, 0x400000));
  return hn::IfThenElse(hn::RebindMask(du, hn::IsNaN(hn::BitCast(d, bits))), quiet, rounded);
}

// Brings a packed panel[steps][width] of floats into its form, in place; the memory behind it stays as it is.
HWY_INLINE void RoundPanel(int64_t steps, int64_t width, bool pairs, float* panel) {
  const hn::ScalableTag<float> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  const auto upper_half = hn::Set(du, 0xFFFF0000u);
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto load = [&](const float* from, int64_t count) {
    const auto value = count >= lanes ? hn::LoadU(d, from) : LoadFirst(d, from, static_cast<size_t>(count));
    return RoundedBits(du, hn::BitCast(du, value));
  };
  const int64_t stride = pairs ? 2 : 1;
  for (int64_t step = 0; step < steps; step += stride) {
    float* const to = panel + step / stride * width;
    const float* const first = panel + step * width;
    const float* const second = pairs && step + 1 < steps ? first + width : nullptr;
    for (int64_t i = 0; i < width; i += lanes) {
      auto bits = hn::And(load(first + i, width - i), upper_half);
      if (second != nullptr) bits = hn::Or(bits, hn::ShiftRight<16>(load(second + i, width - i)));
      const auto value = hn::BitCast(d, bits);
      if (width - i >= lanes) {
        hn::StoreU(value, d, to + i);
      } else {
        StoreFirst(d, value, to + i, static_cast<size_t>(width - i));
      }
    }
  }
}

#if LOSSD_BF16_PAIRS
// sum + the products of the upper halves, then + those of the lower halves. An instruction by name: its intrinsic would
// want the whole target to have it.
template <class V>
HWY_INLINE V AddPairs(V a, V b, V sum) {
  asm("vdpbf16ps %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
  return sum;
}
#endif

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lossd
HWY_AFTER_NAMESPACE();

#endif  // LOSSD_CORE_ENGINE_GEMM_BF16_INL_H_
