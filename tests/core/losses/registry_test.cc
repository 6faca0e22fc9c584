// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/registry.h"

#include <string>

#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(RegistryTest, EachConfigurationFindsItsOwnLoss) {
  const LossRegistry registry(MakeTileLosses(/*parameter_cache_bytes=*/0));
  for (size_t i = 0; i < kLossCount; ++i) {
    EXPECT_EQ(registry.For(DefaultLossConfig(i)).Describe().name, kLossNames[i]);
    EXPECT_EQ(registry.Describe()[i].name, kLossNames[i]);
    EXPECT_EQ(MakeTileLoss(DefaultLossConfig(i))->Describe().name, kLossNames[i]);
  }
}

TEST(RegistryTest, DescriptionsSayEnoughToCallALoss) {
  const LossRegistry registry(MakeTileLosses(0));
  for (const LossDescription& loss : registry.Describe()) {
    EXPECT_FALSE(loss.summary.empty()) << loss.name;
    EXPECT_FALSE(loss.inputs.empty()) << loss.name;
    EXPECT_FALSE(loss.outputs.empty()) << loss.name;
    EXPECT_FALSE(loss.dtypes.empty()) << loss.name;
  }
}

}  // namespace
}  // namespace lossd
