// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Floats of 16 bits where sweeps read and write them: the bits that core/tensor/convert.h gives on the host.

#ifndef LOSSD_CORE_ENGINE_SWEEPS_NARROW_NUMBERS_H_
#define LOSSD_CORE_ENGINE_SWEEPS_NARROW_NUMBERS_H_

#include <cstdint>
#include <cstring>

#ifdef __CUDACC__
#define LOSSD_HOST_DEVICE __host__ __device__
#else
#define LOSSD_HOST_DEVICE
#endif

namespace lossd {

enum class NarrowType : uint8_t { kBFloat16, kFloat16 };

LOSSD_HOST_DEVICE inline uint32_t BitsOf(float number) {
  uint32_t bits = 0;
  memcpy(&bits, &number, sizeof(bits));
  return bits;
}
LOSSD_HOST_DEVICE inline float FloatOf(uint32_t bits) {
  float number = 0;
  memcpy(&number, &bits, sizeof(number));
  return number;
}

// The same number; a NaN keeps its sign and its payload.
LOSSD_HOST_DEVICE inline float Widened(NarrowType type, uint16_t bits) {
  if (type == NarrowType::kBFloat16) return FloatOf(static_cast<uint32_t>(bits) << 16);
  constexpr uint32_t kRebias = 112u << 23;  // From a float16's exponent to a float32's.
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t magnitude = bits & 0x7fffu;
  if (magnitude < 0x0400u) return FloatOf(sign | BitsOf(static_cast<float>(magnitude) * 0x1p-24f));
  return FloatOf(sign | ((magnitude << 13) + (magnitude >= 0x7c00u ? 2 * kRebias : kRebias)));
}

// The nearest number of the type, of two the even one; infinity beyond the largest. A NaN stays one, quiet, with what
// of its payload fits.
LOSSD_HOST_DEVICE inline uint16_t Rounded(NarrowType type, float number) {
  const uint32_t bits = BitsOf(number);
  const uint32_t sign = (bits & 0x80000000u) >> 16;
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (type == NarrowType::kBFloat16) {
    if (magnitude > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x0040u);
    return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
  }
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x03ffu));
  // Below the smallest normal number: adding a half leaves multiples of 2^-24, the unit there, rounded by the
  // processor.
  if (magnitude < 0x38800000u) {
    return static_cast<uint16_t>(sign | (BitsOf(FloatOf(magnitude) + 0.5f) - 0x3f000000u));
  }
  const uint32_t normal = (magnitude + 0x0fffu + ((magnitude >> 13) & 1u) - (112u << 23)) >> 13;
  return static_cast<uint16_t>(sign | (normal < 0x7c00u ? normal : 0x7c00u));
}

LOSSD_HOST_DEVICE inline bool IsFiniteNarrow(NarrowType type, uint16_t bits) {
  return (bits & 0x7fffu) < (type == NarrowType::kBFloat16 ? 0x7f80u : 0x7c00u);
}

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_SWEEPS_NARROW_NUMBERS_H_
