// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Sums of vectors, and from sums in float to sums in double. For sources compiled once per target.

#if defined(LOSSD_CORE_ENGINE_ADD_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LOSSD_CORE_ENGINE_ADD_LANES_INL_H_
#undef LOSSD_CORE_ENGINE_ADD_LANES_INL_H_
#else
#define LOSSD_CORE_ENGINE_ADD_LANES_INL_H_
#endif

#include <cstddef>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace lossd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Adds the lanes of a sum that was formed in T to as many sums in double.
template <class D, class V = hn::Vec<D>>
HWY_INLINE void AddLanes(D d, V sum, double* sums) {
#if HWY_TARGET == HWY_SCALAR
  static_cast<void>(d);
  *sums += static_cast<double>(hn::GetLane(sum));
#else
  if constexpr (sizeof(hn::TFromD<D>) == sizeof(double)) {
    hn::StoreU(hn::Add(sum, hn::LoadU(d, sums)), d, sums);
  } else {
    const hn::Repartition<double, D> wide;
    const auto low = hn::PromoteTo(wide, hn::LowerHalf(sum));
    const auto high = hn::PromoteTo(wide, hn::UpperHalf(hn::Half<D>(), sum));
    hn::StoreU(hn::Add(low, hn::LoadU(wide, sums)), wide, sums);
    double* const rest = sums + hn::Lanes(wide);
    hn::StoreU(hn::Add(high, hn::LoadU(wide, rest)), wide, rest);
  }
#endif
}

// Adds vectors to a sum, neighbours first.
template <class V, size_t kCount>
HWY_INLINE V AddUp(V sum, const V (&vectors)[kCount]) {
  if constexpr (kCount == 4) {
    return hn::Add(sum, hn::Add(hn::Add(vectors[0], vectors[1]), hn::Add(vectors[2], vectors[3])));
  } else if constexpr (kCount == 2) {
    return hn::Add(sum, hn::Add(vectors[0], vectors[1]));
  } else {
    return hn::Add(sum, vectors[0]);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lossd
HWY_AFTER_NAMESPACE();

#endif  // LOSSD_CORE_ENGINE_ADD_LANES_INL_H_
