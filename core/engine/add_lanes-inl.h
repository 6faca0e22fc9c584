// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// From sums in float to sums in double. For sources compiled once per target.

#if defined(LOSSD_CORE_ENGINE_ADD_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LOSSD_CORE_ENGINE_ADD_LANES_INL_H_
#undef LOSSD_CORE_ENGINE_ADD_LANES_INL_H_
#else
#define LOSSD_CORE_ENGINE_ADD_LANES_INL_H_
#endif

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

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lossd
HWY_AFTER_NAMESPACE();

#endif  // LOSSD_CORE_ENGINE_ADD_LANES_INL_H_
