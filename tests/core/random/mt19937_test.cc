// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/random/mt19937.h"

#include <cstdint>
#include <random>

#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(Mt19937Test, GivesTheWordsOfTheStandardGenerator) {
  for (const uint32_t seed : {0U, 1U, 42U, 0x80000000U, 0xffffffffU}) {
    Mt19937 words(seed);
    std::mt19937 standard(seed);
    for (int i = 0; i < 3000; ++i) ASSERT_EQ(words.Next(), standard()) << "seed " << seed << ", word " << i;
  }
}

TEST(Mt19937Test, SkippingEqualsDrawing) {
  for (const uint64_t first : {0U, 1U, 623U, 624U, 625U, 5000U}) {
    for (const uint64_t skipped : {0U, 1U, 100U, 623U, 624U, 625U, 1248U, 100000U}) {
      Mt19937 words(7);
      std::mt19937 standard(7);
      words.Skip(first);
      standard.discard(first);
      ASSERT_EQ(words.Next(), standard());
      words.Skip(skipped);
      standard.discard(skipped);
      for (int i = 0; i < 700; ++i) ASSERT_EQ(words.Next(), standard()) << first << ", " << skipped << ", " << i;
    }
  }
}

}  // namespace
}  // namespace lossd
