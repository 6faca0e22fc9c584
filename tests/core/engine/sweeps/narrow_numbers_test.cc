// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/sweeps/narrow_numbers.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "core/tensor/convert.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

constexpr std::pair<NarrowType, DType> kTypes[] = {{NarrowType::kBFloat16, DType::kBFloat16},
                                                   {NarrowType::kFloat16, DType::kFloat16}};

// Every kind of float32: each sign, exponent and end of a mantissa, and random bits.
std::vector<float> Floats() {
  std::vector<float> floats;
  for (uint32_t high = 0; high < 1u << 16; ++high) {
    for (const uint32_t low : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) floats.push_back(FloatOf(high << 16 | low));
    for (const uint32_t low : {0x0fffu, 0x1000u, 0x1001u, 0x2fffu, 0x3000u})
      floats.push_back(FloatOf(high << 16 | low));
  }
  std::mt19937 random(3);
  for (int i = 0; i < 100'000; ++i) floats.push_back(FloatOf(static_cast<uint32_t>(random())));
  return floats;
}

TEST(NarrowNumbersTest, RoundToTheBitsThatTheHostRoundsTo) {
  const std::vector<float> floats = Floats();
  std::vector<uint16_t> expected(floats.size());
  for (const auto& [type, dtype] : kTypes) {
    RoundTo(DType::kFloat32, floats.data(), dtype, expected.data(), static_cast<int64_t>(floats.size()));
    for (size_t i = 0; i < floats.size(); ++i) {
      ASSERT_EQ(Rounded(type, floats[i]), expected[i]) << std::hex << BitsOf(floats[i]) << " " << DTypeName(dtype);
    }
  }
}

TEST(NarrowNumbersTest, WidenToTheBitsThatTheHostWidensTo) {
  for (const auto& [type, dtype] : kTypes) {
    for (uint32_t bits = 0; bits < 1u << 16; ++bits) {
      const auto narrow = static_cast<uint16_t>(bits);
      float expected = 0;
      Widen(dtype, reinterpret_cast<const std::byte*>(&narrow), &expected, 1);
      ASSERT_EQ(BitsOf(Widened(type, narrow)), BitsOf(expected)) << std::hex << bits << " " << DTypeName(dtype);
      ASSERT_EQ(IsFiniteNarrow(type, narrow), std::isfinite(expected)) << std::hex << bits << " " << DTypeName(dtype);
    }
  }
}

}  // namespace
}  // namespace lossd
