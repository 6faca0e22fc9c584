// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/cpc/cpc_parameter_cache.h"

#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

const int64_t kSetBytes = CpcSeedParameters<float>::Bytes(1, 1);
constexpr CpcParameterKey kFirst = {.seed = 1, .channels = 1, .dim = 1};
constexpr CpcParameterKey kSecond = {.seed = 2, .channels = 1, .dim = 1};
constexpr CpcParameterKey kThird = {.seed = 3, .channels = 1, .dim = 1};

TEST(CpcParameterCacheTest, KeepsASet) {
  Serial serial;
  CpcParameterCache cache(kSetBytes);
  const auto made = cache.Get<float>(kFirst, serial);
  EXPECT_EQ(cache.Get<float>(kFirst, serial), made);
}

TEST(CpcParameterCacheTest, DropsTheSetThatWasNotUsedForLongest) {
  Serial serial;
  CpcParameterCache cache(2 * kSetBytes);
  const auto first = cache.Get<float>(kFirst, serial);
  const auto second = cache.Get<float>(kSecond, serial);
  EXPECT_EQ(cache.Get<float>(kFirst, serial), first);
  const auto third = cache.Get<float>(kThird, serial);
  EXPECT_EQ(cache.Get<float>(kFirst, serial), first);
  EXPECT_EQ(cache.Get<float>(kThird, serial), third);
  EXPECT_NE(cache.Get<float>(kSecond, serial), second);
}

TEST(CpcParameterCacheTest, MakesButDoesNotKeepASetAboveTheBound) {
  Serial serial;
  CpcParameterCache cache(kSetBytes - 1);
  const auto made = cache.Get<float>(kFirst, serial);
  EXPECT_NE(made, nullptr);
  EXPECT_NE(cache.Get<float>(kFirst, serial), made);
}

TEST(CpcParameterCacheTest, StopsDrawingWhenNobodyWantsTheSetAnyMore) {
  Serial serial;
  CpcParameterCache cache(int64_t{1} << 30);
  int asked = 0;
  EXPECT_EQ(cache.Get<float>(kFirst, serial, [&asked] { return ++asked > 3; }), nullptr);
  EXPECT_EQ(asked, 4);
  const auto made = cache.Get<float>(kFirst, serial);
  EXPECT_EQ(cache.Get<float>(kFirst, serial, [] { return true; }), made);  // It is there: nothing to stop.
}

// Packed weights are read by products of the precision in which they were packed.
TEST(CpcParameterCacheTest, TellsPrecisionsApart) {
  Serial serial;
  CpcParameterCache cache(int64_t{1} << 30);
  const auto exact = cache.Get<float>(kFirst, serial);
  CpcParameterKey key = kFirst;
  key.precision = GemmPrecision::kBf16;
  const auto rounded = cache.Get<float>(key, serial);
  EXPECT_NE(rounded, exact);
  EXPECT_EQ(cache.Get<float>(key, serial), rounded);
  EXPECT_EQ(cache.Get<float>(kFirst, serial), exact);
}

TEST(CpcParameterCacheTest, TellsSeedsShapesAndTypesApart) {
  Serial serial;
  CpcParameterCache cache(int64_t{1} << 30);
  const auto made = cache.Get<float>(kFirst, serial);
  EXPECT_NE(cache.Get<float>({.seed = 1, .channels = 2, .dim = 1}, serial), made);
  EXPECT_NE(cache.Get<float>({.seed = 1, .channels = 1, .dim = 2}, serial), made);
  EXPECT_EQ(cache.Get<double>(kFirst, serial)->weights().target_bias[0],
            static_cast<double>(made->weights().target_bias[0]));
  EXPECT_EQ(cache.Get<float>(kFirst, serial), made);
}

TEST(CpcParameterCacheTest, KeepsSetsOfAnotherForm) {
  CpcParameterCache cache(100);
  int made = 0;
  const auto make = [&made] { return std::make_shared<const int>(++made); };
  const auto first = cache.GetOrMake(kFirst, DType::kFloat32, 60, make);
  EXPECT_EQ(cache.GetOrMake(kFirst, DType::kFloat32, 60, make), first);
  EXPECT_EQ(made, 1);
  cache.GetOrMake(kFirst, DType::kFloat64, 60, make);
  EXPECT_EQ(made, 2);
  EXPECT_NE(cache.GetOrMake(kFirst, DType::kFloat32, 60, make), first);  // Both would be more than 100 bytes.
  EXPECT_EQ(made, 3);
}

TEST(CpcParameterCacheTest, GivesEqualSetsToManyThreadsAndKeepsOne) {
  Serial serial;
  CpcParameterCache cache(2 * kSetBytes);
  const auto second = cache.Get<float>(kSecond, serial);
  std::vector<std::shared_ptr<const CpcSeedParameters<float>>> got(4);
  std::vector<std::thread> threads;
  for (auto& set : got) threads.emplace_back([&] { set = cache.Get<float>(kFirst, serial); });
  for (std::thread& thread : threads) thread.join();
  for (const auto& set : got) EXPECT_EQ(set->weights().prediction_bias[0], got[0]->weights().prediction_bias[0]);
  EXPECT_THAT(got, ::testing::Contains(cache.Get<float>(kFirst, serial)));
  EXPECT_EQ(cache.Get<float>(kSecond, serial), second);  // Two equal ones would have left it no room.
}

}  // namespace
}  // namespace lossd
