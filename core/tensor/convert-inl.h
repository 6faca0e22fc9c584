// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The sweeps of convert.h for one instruction set: plain loops that the compiler vectorises. Included by convert.cc
// alone, once for each instruction set.

#if defined(LOSSD_CORE_TENSOR_CONVERT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LOSSD_CORE_TENSOR_CONVERT_INL_H_
#undef LOSSD_CORE_TENSOR_CONVERT_INL_H_
#else
#define LOSSD_CORE_TENSOR_CONVERT_INL_H_
#endif

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "core/tensor/convert.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace lossd {
namespace HWY_NAMESPACE {
namespace {

// Elements that are converted before the next are read: what makes the conversion in place possible, and small enough
// to stay in the first-level cache between the passes over it.
constexpr int64_t kBlock = 512;

// Each type's bits as a signed integer, whose magnitude part is at least kInfinity for NaN and infinity.
struct Float16 {
  using Bits = int16_t;
  static constexpr Bits kMagnitude = 0x7fff, kInfinity = 0x7c00;
};
struct BFloat16 {
  using Bits = int16_t;
  static constexpr Bits kMagnitude = 0x7fff, kInfinity = 0x7f80;
};
struct Float32 {
  using Bits = int32_t;
  static constexpr Bits kMagnitude = 0x7fffffff, kInfinity = 0x7f800000;
};
struct Float64 {
  using Bits = int64_t;
  static constexpr Bits kMagnitude = 0x7fffffffffffffff, kInfinity = 0x7ff0000000000000;
};

// 2^112: what to add to a float16's exponent to make it a float32's.
constexpr uint32_t kRebias = 112u << 23;

// Chooses by mask: compilers do not vectorise a choice one side of which computes in floating point. So both sides are
// computed for each element.
HWY_INLINE uint32_t Choose(bool condition, uint32_t yes, uint32_t no) {
  const uint32_t mask = condition ? 0xffffffffu : 0u;
  return (yes & mask) | (no & ~mask);
}

// The bits of the float32 that has the same value. A NaN keeps its sign and its payload, in the upper bits.
HWY_INLINE uint32_t WidenBits(Float16, uint16_t bits) {
  const uint32_t sign = (bits & 0x8000u) << 16;
  const uint32_t magnitude = bits & 0x7fffu;
  const uint32_t normal = (magnitude << 13) + (magnitude >= 0x7c00u ? 2 * kRebias : kRebias);
  const uint32_t subnormal = std::bit_cast<uint32_t>(static_cast<float>(static_cast<int32_t>(magnitude)) * 0x1p-24f);
  return sign | Choose(magnitude < 0x0400u, subnormal, normal);
}

HWY_INLINE uint32_t WidenBits(BFloat16, uint16_t bits) { return static_cast<uint32_t>(bits) << 16; }

// The bits of the nearest value of the type, of two the even one; infinity beyond the largest. A NaN stays one, quiet,
// with what of its payload fits.
HWY_INLINE int16_t RoundBits(Float16, float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits & 0x80000000u) >> 16;
  const uint32_t magnitude = bits & 0x7fffffffu;
  const uint32_t normal = std::min((magnitude + 0x0fffu + ((magnitude >> 13) & 1u) - kRebias) >> 13, 0x7c00u);
  // Adding a half leaves multiples of 2^-24, the subnormals' unit, rounded by the processor.
  const uint32_t subnormal = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  const uint32_t number = magnitude < 0x38800000u ? subnormal : normal;
  const uint32_t nan = 0x7e00u | ((magnitude >> 13) & 0x03ffu);
  return static_cast<int16_t>(sign | (magnitude > 0x7f800000u ? nan : number));
}

HWY_INLINE int16_t RoundBits(BFloat16, float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t number = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const uint32_t nan = (bits >> 16) | 0x0040u;
  return static_cast<int16_t>((bits & 0x7fffffffu) > 0x7f800000u ? nan : number);
}

HWY_INLINE int32_t RoundBits(Float32, float value) { return std::bit_cast<int32_t>(value); }
HWY_INLINE int32_t RoundBits(Float32, double value) { return std::bit_cast<int32_t>(static_cast<float>(value)); }
HWY_INLINE int64_t RoundBits(Float64, double value) { return std::bit_cast<int64_t>(value); }

// Rounds to odd: cuts off, and sets the last bit if something was cut off. A further rounding to a narrower type then
// gives what rounding once would give.
HWY_INLINE float RoundToOdd(double value) {
  const float nearest = static_cast<float>(value);
  const double back = nearest;
  const uint32_t bits = std::bit_cast<uint32_t>(nearest);
  const double excess = std::bit_cast<double>(std::bit_cast<uint64_t>(back) & 0x7fffffffffffffffu) -
                        std::bit_cast<double>(std::bit_cast<uint64_t>(value) & 0x7fffffffffffffffu);
  const uint32_t cut = excess > 0 ? bits - 1 : bits;
  // NaN and infinity compare as neither larger nor smaller (their excess is NaN).
  return std::bit_cast<float>(excess > 0 || excess < 0 ? cut | 1u : bits);
}

HWY_INLINE int16_t RoundBits(Float16 to, double value) { return RoundBits(to, RoundToOdd(value)); }
HWY_INLINE int16_t RoundBits(BFloat16 to, double value) { return RoundBits(to, RoundToOdd(value)); }

// Whether all are finite: the largest magnitude tells, since those of NaN and infinity are above all others.
template <typename From>
bool WidenFrom(const std::byte* source, float* destination, int64_t count) {
  int16_t largest = 0;
  for (int64_t i = 0; i < count; ++i) {
    uint16_t bits;
    std::memcpy(&bits, source + 2 * i, sizeof(bits));
    largest = std::max(largest, static_cast<int16_t>(bits & From::kMagnitude));
    destination[i] = std::bit_cast<float>(WidenBits(From(), bits));
  }
  return largest < From::kInfinity;
}

// Rounds one block into `rounded`; returns the largest magnitude.
template <typename To, typename T>
typename To::Bits RoundBlock(const T* source, typename To::Bits* rounded, int64_t count) {
  typename To::Bits largest = 0;
  for (int64_t i = 0; i < count; ++i) {
    rounded[i] = RoundBits(To(), source[i]);
    largest = std::max(largest, static_cast<typename To::Bits>(rounded[i] & To::kMagnitude));
  }
  return largest;
}

template <typename T>
HWY_INLINE double ElementAt(const void* elements, int64_t i) {
  T element;
  std::memcpy(&element, static_cast<const std::byte*>(elements) + i * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return element;
}

// Adds the squares of one block, of any alignment, to kSquareLanes running sums, element i to sum i % kSquareLanes.
template <typename T>
void AddSquares(const void* source, int64_t count, double* running) {
  double sums[kSquareLanes];  // Which cannot overlap the source, for all that the compiler knows.
  std::copy_n(running, kSquareLanes, sums);
  int64_t i = 0;
  for (; i + kSquareLanes <= count; i += kSquareLanes) {
    for (int64_t lane = 0; lane < kSquareLanes; ++lane) {
      const double value = ElementAt<T>(source, i + lane);
      sums[lane] += value * value;
    }
  }
  for (; i < count; ++i) {
    const double value = ElementAt<T>(source, i);
    sums[i % kSquareLanes] += value * value;
  }
  std::copy_n(sums, kSquareLanes, running);
}

// Adds up kSquareLanes sums, halves onto halves: in the same order for every instruction set. Overwrites them.
HWY_INLINE double AddUp(double* sums) {
  for (int64_t half = kSquareLanes / 2; half > 0; half /= 2) {
    for (int64_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  }
  return sums[0];
}

// To: float16 and so on; T: float or double. Block by block, so that the destination may be the source: a block is
// rounded aside and then written, over elements that have been read, since the destination's are not wider.
template <typename To, typename T>
SweepStats RoundElements(const T* source, void* destination, int64_t count) {
  using Bits = typename To::Bits;
  SweepStats stats;
  Bits largest = 0;
  for (int64_t chunk = 0; chunk < count; chunk += kSweepChunk) {
    double sums[kSquareLanes] = {};
    const int64_t end = std::min(count, chunk + kSweepChunk);
    for (int64_t i = chunk; i < end; i += kBlock) {
      const int64_t block = std::min(kBlock, end - i);
      Bits rounded[kBlock];
      AddSquares<T>(source + i, block, sums);
      largest = std::max(largest, RoundBlock<To>(source + i, rounded, block));
      std::memcpy(static_cast<std::byte*>(destination) + i * static_cast<int64_t>(sizeof(Bits)), rounded,
                  static_cast<size_t>(block) * sizeof(Bits));
    }
    stats.sum_of_squares += AddUp(sums);
  }
  stats.finite = largest < To::kInfinity;
  return stats;
}

template <typename T>
SweepStats RoundFrom(const T* source, DType to, void* destination, int64_t count) {
  switch (to) {
    case DType::kFloat16:
      return RoundElements<Float16>(source, destination, count);
    case DType::kBFloat16:
      return RoundElements<BFloat16>(source, destination, count);
    case DType::kFloat32:
      return RoundElements<Float32>(source, destination, count);
    default:
      return RoundElements<Float64>(source, destination, count);
  }
}

template <typename Type>
bool FiniteElements(const void* elements, int64_t count) {
  using Bits = typename Type::Bits;
  Bits largest = 0;
  for (int64_t i = 0; i < count; ++i) {
    Bits bits;
    std::memcpy(&bits, static_cast<const std::byte*>(elements) + i * static_cast<int64_t>(sizeof(Bits)), sizeof(Bits));
    largest = std::max(largest, static_cast<Bits>(bits & Type::kMagnitude));
  }
  return largest < Type::kInfinity;
}

template <typename T>
double SumOfSquares(const T* elements, int64_t count) {
  double total = 0;
  for (int64_t chunk = 0; chunk < count; chunk += kSweepChunk) {
    double sums[kSquareLanes] = {};
    AddSquares<T>(elements + chunk, std::min(count - chunk, kSweepChunk), sums);
    total += AddUp(sums);
  }
  return total;
}

// The entry points.
bool WidenSweep(DType from, const std::byte* source, float* destination, int64_t count) {
  return from == DType::kFloat16 ? WidenFrom<Float16>(source, destination, count)
                                 : WidenFrom<BFloat16>(source, destination, count);
}

SweepStats RoundSweep(DType from, const void* source, DType to, void* destination, int64_t count) {
  return from == DType::kFloat64 ? RoundFrom(static_cast<const double*>(source), to, destination, count)
                                 : RoundFrom(static_cast<const float*>(source), to, destination, count);
}

bool FiniteSweep(DType dtype, const void* elements, int64_t count) {
  switch (dtype) {
    case DType::kFloat16:
      return FiniteElements<Float16>(elements, count);
    case DType::kBFloat16:
      return FiniteElements<BFloat16>(elements, count);
    case DType::kFloat32:
      return FiniteElements<Float32>(elements, count);
    case DType::kFloat64:
      return FiniteElements<Float64>(elements, count);
    default:
      return true;
  }
}

SweepStats SquareSweep(DType dtype, const void* elements, int64_t count) {
  if (!IsFloating(dtype)) return {};
  const double sum = dtype == DType::kFloat64 ? SumOfSquares(static_cast<const double*>(elements), count)
                                              : SumOfSquares(static_cast<const float*>(elements), count);
  // A finite sum has finite terms; an infinite one may come of large finite ones.
  const bool sum_finite = (std::bit_cast<int64_t>(sum) & Float64::kMagnitude) < Float64::kInfinity;
  return {sum_finite || FiniteSweep(dtype, elements, count), sum};
}

void AddSquaresSweep(DType dtype, const void* elements, int64_t count, double* sums) {
  if (dtype == DType::kFloat64) return AddSquares<double>(elements, count, sums);
  AddSquares<float>(elements, count, sums);
}

double AddUpLanes(double* sums) { return AddUp(sums); }

void StreamBytes(const std::byte* source, std::byte* destination, int64_t bytes) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::CappedTag<uint8_t, kStreamedLine> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < bytes; i += lanes) {
    hn::Stream(hn::LoadU(d, reinterpret_cast<const uint8_t*>(source) + i), d,
               reinterpret_cast<uint8_t*>(destination) + i);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lossd
HWY_AFTER_NAMESPACE();

#endif  // The include guard of each instruction set.
