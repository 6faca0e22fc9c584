// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/tensor/convert.h"

#include <algorithm>
#include <bit>

#include "hwy/cache_control.h"

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
HWY_EXPORT(AddSquaresSweep);
HWY_EXPORT(AddUpLanes);
HWY_EXPORT(StreamBytes);

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

void SquareSum::Add(const std::byte* elements, int64_t count) {
  while (count > 0) {
    const int64_t step = std::min(count, kSweepChunk - in_chunk_);
    HWY_DYNAMIC_DISPATCH(AddSquaresSweep)(dtype_, elements, step, lanes_.data());
    in_chunk_ += step;
    elements += step * static_cast<int64_t>(SizeOf(dtype_));
    count -= step;
    if (in_chunk_ < kSweepChunk) continue;
    finished_ += HWY_DYNAMIC_DISPATCH(AddUpLanes)(lanes_.data());
    lanes_.fill(0);
    in_chunk_ = 0;
  }
}

double SquareSum::total() const {
  if (in_chunk_ == 0) return finished_;
  std::array<double, kSquareLanes> lanes = lanes_;
  return finished_ + HWY_DYNAMIC_DISPATCH(AddUpLanes)(lanes.data());
}

void Stream(const std::byte* source, std::byte* destination, int64_t bytes) {
  HWY_DYNAMIC_DISPATCH(StreamBytes)(source, destination, bytes);
}

void FinishStreaming() { hwy::FlushStream(); }

}  // namespace lossd
