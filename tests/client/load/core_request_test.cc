// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/core_request.h"

#include <variant>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd::load {
namespace {

using ::testing::ElementsAre;

template <typename Config>
Config ConfigOf(client::LossSpec loss) {
  client::ComputeRequest request;
  request.loss = std::move(loss);
  return std::get<Config>(ToCoreRequest(request, {}).loss);
}

TEST(CoreRequestTest, WhatIsAbsentGetsItsDefault) {
  const auto contrastive = ConfigOf<FeatureMapContrastiveConfig>(client::FeatureMapContrastive{});
  EXPECT_EQ(contrastive.comparisons, "00, 11");
  EXPECT_EQ(contrastive.tclip, 10);
  EXPECT_TRUE(contrastive.bidirectional);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(contrastive.sampling));
  EXPECT_EQ(ConfigOf<CpcConfig>(client::Cpc{}).embed_scale, 0.1);
  EXPECT_EQ(ConfigOf<NtXentConfig>(client::NtXent{}).temperature, 0.5);
}

TEST(CoreRequestTest, WhatIsGivenIsTaken) {
  client::FeatureMapContrastive contrastive;
  contrastive.comparisons = "0r";
  contrastive.tclip = 5;
  contrastive.bidirectional = false;
  contrastive.regularizer_weight = 2;
  contrastive.regularizer_scale = 3;
  contrastive.loss_weights = {1, 2};
  contrastive.share_source_samples = true;
  const auto config = ConfigOf<FeatureMapContrastiveConfig>(contrastive);
  EXPECT_EQ(config.comparisons, "0r");
  EXPECT_EQ(config.tclip, 5);
  EXPECT_FALSE(config.bidirectional);
  EXPECT_EQ(config.regularizer_weight, 2);
  EXPECT_EQ(config.regularizer_scale, 3);
  EXPECT_THAT(config.loss_weights, ElementsAre(1, 2));
  EXPECT_TRUE(config.share_source_samples);

  client::Cpc cpc;
  cpc.target_dim = 8;
  cpc.init_seed = 9;
  cpc.step_weighting = StepWeighting::kUniform;
  const auto cpc_config = ConfigOf<CpcConfig>(cpc);
  EXPECT_EQ(cpc_config.target_dim, 8);
  EXPECT_EQ(cpc_config.init_seed, 9u);
  EXPECT_EQ(cpc_config.step_weighting, StepWeighting::kUniform);
  EXPECT_EQ(ConfigOf<NtXentConfig>(client::NtXent{0.1}).temperature, 0.1);
}

TEST(CoreRequestTest, SamplingIsBySeedOrByPositions) {
  client::FeatureMapContrastive loss;
  loss.sampling = client::Seed{1, std::nullopt, 2, 0};
  const auto seed = std::get<SamplingSeed>(ConfigOf<FeatureMapContrastiveConfig>(loss).sampling);
  EXPECT_EQ(seed.torch_seed, 1u);
  EXPECT_FALSE(seed.numpy_seed.has_value());
  EXPECT_EQ(seed.torch_skip, 2u);
  EXPECT_EQ(seed.numpy_skip, 0u);
  loss.sampling = client::Positions{{3, 4}};
  EXPECT_THAT(std::get<ExplicitPositions>(ConfigOf<FeatureMapContrastiveConfig>(loss).sampling).values,
              ElementsAre(3, 4));
}

TEST(CoreRequestTest, GradientsAndPolicyGoAlong) {
  client::ComputeRequest request;
  request.loss = client::SquaredNorm{};
  request.gradients.mode = client::GradientOptions::Mode::kNamed;
  request.gradients.names = {"x.*"};
  request.gradients.dtype = DType::kFloat16;
  request.gradients.scale = 128;
  request.nonfinite_policy = client::NonfinitePolicy::kReject;
  const ComputeSpec spec = ToCoreRequest(request, {{"x.0", DType::kFloat32, {2}}});
  EXPECT_EQ(spec.gradients.mode, GradientSelection::Mode::kNamed);
  EXPECT_THAT(spec.gradients.names, ElementsAre("x.*"));
  EXPECT_EQ(spec.gradients.dtype, DType::kFloat16);
  EXPECT_EQ(spec.gradients.scale, 128);
  EXPECT_EQ(spec.nonfinite_policy, NonfinitePolicy::kReject);
  ASSERT_EQ(spec.inputs.size(), 1u);
  EXPECT_EQ(spec.inputs[0].name, "x.0");
}

}  // namespace
}  // namespace lossd::load
