// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/core/engine/sweeps/sweep_cases.h"

#include <set>
#include <string>
#include <variant>

#include "core/engine/sweeps/host_sweeps.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd::testing {
namespace {

using ::testing::HasSubstr;

std::vector<std::byte> LeftByHost(const SweepCase& one) {
  return LeftBy(one, [](const Sweep& sweep) { HostSweeps().Run(sweep); });
}

TEST(SweepCasesTest, HaveEverySweepAndRunTheSameWhereverTheirArraysLie) {
  std::set<size_t> kinds;  // Of those that have done something.
  for (const SweepCase& one : SweepCases({1, 7, 257})) {
    SweepArrays arrays(nullptr);
    const size_t kind = one.make(arrays).index();
    const std::vector<std::byte> region = LeftByHost(one);
    EXPECT_EQ(arrays.Difference(region, LeftByHost(one)), "") << one.name;
    if (!arrays.Difference(arrays.bytes(), region).empty()) kinds.insert(kind);
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<Sweep>);
}

TEST(SweepCasesTest, ADifferenceBeyondRoundingAndAByteTooFarAreFound) {
  SweepArrays arrays(nullptr);
  arrays.Put<float>({1, 2, 3});
  std::vector<std::byte> other = arrays.bytes();
  const size_t offset = static_cast<size_t>(reinterpret_cast<uintptr_t>(SweepArrays(nullptr).Put<float>({1})));
  const auto set = [&](size_t index, float number) {
    std::memcpy(other.data() + offset + index * sizeof(float), &number, sizeof(number));
  };
  set(1, 2.00001F);
  EXPECT_EQ(arrays.Difference(arrays.bytes(), other), "");
  set(1, 2.001F);
  EXPECT_THAT(arrays.Difference(arrays.bytes(), other), HasSubstr("number 1: expected 2, got 2.001"));
  set(1, 2);
  set(3, 2);
  EXPECT_THAT(arrays.Difference(arrays.bytes(), other), HasSubstr("written beyond its end"));
}

TEST(SweepCasesTest, EachHasANameOfItsOwn) {
  std::set<std::string> names;
  for (const SweepCase& one : SweepCases({1, 7})) EXPECT_TRUE(names.insert(one.name).second) << one.name;
}

}  // namespace
}  // namespace lossd::testing
