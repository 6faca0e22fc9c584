// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Loads and stores of the first lanes of a vector that touch no byte beyond them, for sources compiled once per target.

#if defined(LOSSD_CORE_ENGINE_PARTIAL_VECTOR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LOSSD_CORE_ENGINE_PARTIAL_VECTOR_INL_H_
#undef LOSSD_CORE_ENGINE_PARTIAL_VECTOR_INL_H_
#else
#define LOSSD_CORE_ENGINE_PARTIAL_VECTOR_INL_H_
#endif

#include <cstddef>
#include <cstring>

#include "hwy/highway.h"

// Targets whose masked loads (stores) leave the other lanes' memory alone and are fast.
#undef LOSSD_MASKED_LOADS
#undef LOSSD_MASKED_STORES
#define LOSSD_MASKED_LOADS (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2)
#define LOSSD_MASKED_STORES (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3)

HWY_BEFORE_NAMESPACE();
namespace lossd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// The `count` <= Lanes(d) elements from `from` on; the other lanes are 0.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> LoadFirst(D d, const T* from, size_t count) {
#if LOSSD_MASKED_LOADS
  return hn::MaskedLoad(hn::FirstN(d, count), d, from);
#else
  HWY_ALIGN T lanes[hn::MaxLanes(d)] = {};
  std::memcpy(lanes, from, count * sizeof(T));
  return hn::Load(d, lanes);
#endif
}

// Stores the first `count` <= Lanes(d) lanes.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE void StoreFirst(D d, hn::Vec<D> v, T* to, size_t count) {
#if LOSSD_MASKED_STORES
  hn::BlendedStore(v, hn::FirstN(d, count), d, to);
#else
  HWY_ALIGN T lanes[hn::MaxLanes(d)];
  hn::Store(v, d, lanes);
  for (size_t i = 0; i < count; ++i) to[i] = lanes[i];
#endif
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lossd
HWY_AFTER_NAMESPACE();

#endif  // LOSSD_CORE_ENGINE_PARTIAL_VECTOR_INL_H_
