// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/sweeps/round_sweep.h"

#include <cstring>
#include <limits>
#include <vector>

#include "core/engine/sweeps/host_sweeps.h"
#include "gtest/gtest.h"
#include "tests/core/engine/sweeps/sweep_derivatives.h"

namespace lossd {
namespace {

constexpr int64_t kUnit = RoundSweep<float>::kNumbers;

// Two groups of `count` numbers with gaps between them, on both sides.
template <typename T>
void ExpectRoundedWithWhatWasSeen(int64_t count) {
  std::vector<T> numbers;
  for (const double number : testing::DrawNumbers(static_cast<size_t>(2 * count + 1), 1, 7)) {
    numbers.push_back(static_cast<T>(number));
  }
  numbers[static_cast<size_t>(count)] = static_cast<T>(1e30);  // In the gap.
  numbers.back() = static_cast<T>(1e30);                       // Float16 does not hold it.
  for (const NarrowType type : {NarrowType::kBFloat16, NarrowType::kFloat16}) {
    std::vector<uint16_t> rounded(static_cast<size_t>(2 * count + 3));
    RoundSweep<T> sweep{numbers.data(), count + 1, rounded.data(), count + 3, type, 2, count, nullptr};
    std::vector<RoundedSums> seen(static_cast<size_t>(2 * sweep.units()));
    sweep.seen = seen.data();
    HostSweeps().Run(sweep);
    RoundedSums all[2];
    for (int64_t i = 0; i < 2 * sweep.units(); ++i) all[i / sweep.units()].Add(seen[static_cast<size_t>(i)]);
    for (size_t group = 0; group < 2; ++group) {
      double squares = 0;
      for (int64_t i = 0; i < count; ++i) {
        const auto number =
            static_cast<float>(numbers[group * static_cast<size_t>(count + 1) + static_cast<size_t>(i)]);
        EXPECT_EQ(rounded[group * static_cast<size_t>(count + 3) + static_cast<size_t>(i)], Rounded(type, number));
        squares += static_cast<double>(number) * static_cast<double>(number);
      }
      EXPECT_NEAR(all[group].squares, squares, 1e-12 * squares);
      EXPECT_EQ(all[group].not_finite, group == 1 && type == NarrowType::kFloat16 ? 1 : 0);
    }
    EXPECT_EQ(rounded[static_cast<size_t>(count)], 0);  // Nothing between the groups.
  }
}

TEST(RoundSweepTest, RoundsEveryNumberOfEveryGroupAndSaysWhatItHasSeen) {
  for (const int64_t count : {int64_t{1}, int64_t{300}, kUnit, kUnit + 1, 2 * kUnit + 7}) {
    ExpectRoundedWithWhatWasSeen<float>(count);
    ExpectRoundedWithWhatWasSeen<double>(count);
  }
}

TEST(RoundSweepTest, ANanStaysOneAndIsSeen) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  uint16_t rounded = 0;
  RoundedSums seen;
  HostSweeps().Run(RoundSweep<float>{&nan, 1, &rounded, 1, NarrowType::kFloat16, 1, 1, &seen});
  EXPECT_EQ(rounded, 0x7e00);
  EXPECT_EQ(seen.not_finite, 1);
}

}  // namespace
}  // namespace lossd
