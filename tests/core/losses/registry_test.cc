// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/registry.h"

#include <string>

#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(RegistryTest, EachConfigurationFindsItsOwnLoss) {
  const LossRegistry registry(MakeTileLosses(/*parameter_cache_bytes=*/0));
  EXPECT_EQ(registry.For(FeatureMapContrastiveConfig{}).Describe().name, "feature_map_contrastive");
  EXPECT_EQ(registry.For(CpcConfig{}).Describe().name, "cpc");
  EXPECT_EQ(registry.For(NtXentConfig{}).Describe().name, "nt_xent");
  EXPECT_EQ(registry.For(SquaredNormConfig{}).Describe().name, "squared_norm");
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
