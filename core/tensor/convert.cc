// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/tensor/convert.h"

#include <bit>

static_assert(std::endian::native == std::endian::little, "elements are little endian, as on the wire");

// Highway compiles convert-inl.h once for each instruction set and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/tensor/convert-inl.h"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// Behind foreach_target.h.
#include "core/tensor/convert-inl.h"
#include "hwy/highway.h"

namespace lossd {
namespace {

HWY_EXPORT(WidenSweep);
HWY_EXPORT(RoundSweep);
HWY_EXPORT(FiniteSweep);
HWY_EXPORT(SquareSweep);

}  // namespace

bool Widen(DType from, const std::byte* source, float* destination, int64_t count) {
  return HWY_DYNAMIC_DISPATCH(WidenSweep)(from, source, destination, count);
}

SweepStats RoundTo(DType from, const void* source, DType to, void* destination, int64_t count) {
  return HWY_DYNAMIC_DISPATCH(RoundSweep)(from, source, to, destination, count);
}

SweepStats Scan(DType dtype, const void* elements, int64_t count) {
  return HWY_DYNAMIC_DISPATCH(SquareSweep)(dtype, elements, count);
}

bool AllFinite(DType dtype, const void* elements, int64_t count) {
  return HWY_DYNAMIC_DISPATCH(FiniteSweep)(dtype, elements, count);
}

}  // namespace lossd
