// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/request_conversion.h"

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

v1::LossSpec FeatureMaps() {
  v1::LossSpec loss;
  loss.mutable_feature_map_contrastive();
  return loss;
}

TEST(ToLossConfigTest, AbsentFieldsHaveTheirDefaults) {
  ASSERT_OK_AND_ASSIGN(const LossConfig config, ToLossConfig(FeatureMaps()));
  const auto& maps = std::get<FeatureMapContrastiveConfig>(config);
  EXPECT_EQ(maps.comparisons, "00, 11");
  EXPECT_EQ(maps.tclip, 10);
  EXPECT_TRUE(maps.bidirectional);
  EXPECT_EQ(maps.regularizer_weight, 1);
  EXPECT_EQ(maps.regularizer_scale, 0.05);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(maps.sampling));
  EXPECT_FALSE(maps.share_source_samples);
  v1::LossSpec other;
  other.mutable_cpc();
  ASSERT_OK_AND_ASSIGN(const LossConfig cpc, ToLossConfig(other));
  EXPECT_EQ(std::get<CpcConfig>(cpc).target_dim, std::nullopt);
  EXPECT_EQ(std::get<CpcConfig>(cpc).embed_scale, 0.1);
  EXPECT_EQ(std::get<CpcConfig>(cpc).step_weighting, StepWeighting::kReference);
  other.mutable_nt_xent();
  ASSERT_OK_AND_ASSIGN(const LossConfig nt_xent, ToLossConfig(other));
  EXPECT_EQ(std::get<NtXentConfig>(nt_xent).temperature, 0.5);
}

TEST(ToLossConfigTest, FieldsThatAreSetArriveAlsoWhereTheyAreZero) {
  v1::LossSpec loss = FeatureMaps();
  auto& maps = *loss.mutable_feature_map_contrastive();
  maps.set_comparisons("");
  maps.set_tclip(0);
  maps.set_bidirectional(false);
  maps.set_regularizer_weight(0);
  maps.set_regularizer_scale(0);
  maps.add_loss_weights(-1);
  maps.set_share_source_samples(true);
  maps.mutable_sampling()->mutable_positions()->add_values(7);
  ASSERT_OK_AND_ASSIGN(const LossConfig config, ToLossConfig(loss));
  const auto& converted = std::get<FeatureMapContrastiveConfig>(config);
  EXPECT_EQ(converted.comparisons, "");
  EXPECT_EQ(converted.tclip, 0);
  EXPECT_FALSE(converted.bidirectional);
  EXPECT_EQ(converted.regularizer_weight, 0);
  EXPECT_EQ(converted.regularizer_scale, 0);
  EXPECT_THAT(converted.loss_weights, ElementsAre(-1));
  EXPECT_TRUE(converted.share_source_samples);
  EXPECT_THAT(std::get<ExplicitPositions>(converted.sampling).values, ElementsAre(7));
}

TEST(ToLossConfigTest, CpcFieldsArrive) {
  v1::LossSpec loss;
  loss.mutable_cpc()->set_target_dim(0);
  loss.mutable_cpc()->set_embed_scale(2);
  loss.mutable_cpc()->set_init_seed(0);
  loss.mutable_cpc()->set_step_weighting(v1::Cpc::STEP_WEIGHTING_UNIFORM);
  ASSERT_OK_AND_ASSIGN(const LossConfig config, ToLossConfig(loss));
  EXPECT_EQ(std::get<CpcConfig>(config).target_dim, 0);
  EXPECT_EQ(std::get<CpcConfig>(config).embed_scale, 2);
  EXPECT_EQ(std::get<CpcConfig>(config).init_seed, 0);
  EXPECT_EQ(std::get<CpcConfig>(config).step_weighting, StepWeighting::kUniform);
}

TEST(ToLossConfigTest, SeedsAndSkipsArriveUpToTheirLimits) {
  v1::LossSpec loss = FeatureMaps();
  auto& seed = *loss.mutable_feature_map_contrastive()->mutable_sampling()->mutable_seed();
  seed.set_numpy_seed((uint64_t{1} << 32) - 1);
  seed.set_torch_skip(uint64_t{1} << 26);
  seed.set_numpy_skip(uint64_t{1} << 26);
  ASSERT_OK_AND_ASSIGN(const LossConfig config, ToLossConfig(loss));
  const auto& converted = std::get<SamplingSeed>(std::get<FeatureMapContrastiveConfig>(config).sampling);
  EXPECT_EQ(converted.torch_seed, std::nullopt);
  EXPECT_EQ(converted.numpy_seed, 4294967295);
  EXPECT_EQ(converted.torch_skip, 67108864);
  EXPECT_EQ(converted.numpy_skip, 67108864);
}

TEST(ToLossConfigTest, SeedsAndSkipsPastTheirLimitsAreRefusedByName) {
  const auto error = [](auto spoil) {
    v1::LossSpec loss = FeatureMaps();
    spoil(*loss.mutable_feature_map_contrastive()->mutable_sampling()->mutable_seed());
    return ToLossConfig(loss);
  };
  const std::string path = "loss.feature_map_contrastive.sampling.seed";
  EXPECT_THAT(error([](v1::Seed&) {}), StatusIs(kInvalid, path + ": expected torch_seed or numpy_seed, got neither"));
  EXPECT_THAT(error([](v1::Seed& seed) { seed.set_numpy_seed(uint64_t{1} << 32); }),
              StatusIs(kInvalid, path + ".numpy_seed: expected below 2^32, got 4294967296"));
  for (const char* field : {"torch_skip", "numpy_skip"}) {
    const auto status = error([field](v1::Seed& seed) {
      seed.set_torch_seed(0);
      if (std::string(field) == "torch_skip") seed.set_torch_skip(67108865);
      if (std::string(field) == "numpy_skip") seed.set_numpy_skip(67108865);
    });
    EXPECT_THAT(status, StatusIs(kInvalid, path + "." + field + ": expected at most 67108864 words, got 67108865"));
  }
}

TEST(ToLossConfigTest, NoLossIsInvalidAndAnUnknownOneUnimplemented) {
  v1::LossSpec loss;
  EXPECT_THAT(ToLossConfig(loss), StatusIs(kInvalid, HasSubstr("loss: expected one of feature_map_contrastive, cpc, "
                                                               "nt_xent, squared_norm, got none")));
  ASSERT_TRUE(loss.ParseFromString(std::string("\xfa\x06\x00", 3)));  // Field 111.
  EXPECT_THAT(ToLossConfig(loss), StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("got field number 111")));
}

class ToComputeSpecTest : public ::testing::Test {
 protected:
  ToComputeSpecTest() { request_.mutable_loss()->mutable_squared_norm(); }
  absl::StatusOr<ComputeSpec> Convert() { return ToComputeSpec(request_, {{"x.0", DType::kFloat32, {2}}}); }
  v1::ComputeRequest request_;
};

TEST_F(ToComputeSpecTest, DefaultsAreAllGradientsInTheirOwnDtypeAndReport) {
  ASSERT_OK_AND_ASSIGN(const ComputeSpec spec, Convert());
  EXPECT_EQ(spec.gradients.mode, GradientSelection::Mode::kAll);
  EXPECT_EQ(spec.gradients.dtype, std::nullopt);
  EXPECT_EQ(spec.gradients.scale, 1);
  EXPECT_EQ(spec.nonfinite_policy, NonfinitePolicy::kReport);
  ASSERT_EQ(spec.inputs.size(), 1);
  EXPECT_EQ(spec.inputs[0].name, "x.0");
}

TEST_F(ToComputeSpecTest, OptionsArrive) {
  request_.mutable_gradients()->set_mode(v1::GradientOptions::MODE_NAMED);
  request_.mutable_gradients()->add_names("x.*");
  request_.mutable_gradients()->set_dtype(v1::DTYPE_BFLOAT16);
  request_.mutable_gradients()->set_scale(0);
  request_.mutable_gradients()->set_layout(v1::GradientOptions::LAYOUT_DENSE);
  request_.mutable_options()->set_nonfinite_policy(v1::ComputeOptions::NONFINITE_POLICY_REJECT);
  ASSERT_OK_AND_ASSIGN(const ComputeSpec spec, Convert());
  EXPECT_EQ(spec.gradients.mode, GradientSelection::Mode::kNamed);
  EXPECT_THAT(spec.gradients.names, ElementsAre("x.*"));
  EXPECT_EQ(spec.gradients.dtype, DType::kBFloat16);
  EXPECT_EQ(spec.gradients.scale, 0);
  EXPECT_EQ(spec.nonfinite_policy, NonfinitePolicy::kReject);
}

TEST_F(ToComputeSpecTest, ModeNoneIsNone) {
  request_.mutable_gradients()->set_mode(v1::GradientOptions::MODE_NONE);
  ASSERT_OK_AND_ASSIGN(const ComputeSpec spec, Convert());
  EXPECT_EQ(spec.gradients.mode, GradientSelection::Mode::kNone);
}

TEST_F(ToComputeSpecTest, UnknownValuesOfEnumsAreNamed) {
  request_.mutable_gradients()->set_mode(static_cast<v1::GradientOptions::Mode>(9));
  EXPECT_THAT(Convert(), StatusIs(kInvalid, "gradients.mode: expected MODE_ALL, MODE_NONE or MODE_NAMED, got 9"));
  request_.clear_gradients();
  request_.mutable_gradients()->set_dtype(static_cast<v1::Dtype>(99));
  EXPECT_THAT(Convert(), StatusIs(kInvalid, HasSubstr("gradients.dtype: expected")));
  request_.clear_gradients();
  request_.mutable_gradients()->set_layout(v1::GradientOptions::LAYOUT_SPARSE);
  EXPECT_THAT(Convert(), StatusIs(kInvalid, HasSubstr("gradients.layout: expected LAYOUT_DENSE")));
  request_.mutable_gradients()->set_layout(static_cast<v1::GradientOptions::Layout>(42));
  EXPECT_THAT(Convert(), StatusIs(kInvalid, HasSubstr("got 42")));
  request_.clear_gradients();
  request_.mutable_options()->set_nonfinite_policy(static_cast<v1::ComputeOptions::NonfinitePolicy>(7));
  EXPECT_THAT(Convert(), StatusIs(kInvalid, HasSubstr("options.nonfinite_policy: expected")));
  request_.mutable_loss()->mutable_cpc()->set_step_weighting(static_cast<v1::Cpc::StepWeighting>(5));
  EXPECT_THAT(Convert(), StatusIs(kInvalid, HasSubstr("loss.cpc.step_weighting: expected")));
}

TEST(RequestTimeoutTest, IsInfiniteUnlessSetAndMustBePositive) {
  v1::ComputeRequest request;
  ASSERT_OK_AND_ASSIGN(const absl::Duration none, RequestTimeout(request));
  EXPECT_EQ(none, absl::InfiniteDuration());
  auto& timeout = *request.mutable_options()->mutable_timeout();
  EXPECT_THAT(RequestTimeout(request), StatusIs(kInvalid, "options.timeout: expected a positive duration, got 0"));
  timeout.set_seconds(1);
  timeout.set_nanos(500'000'000);
  ASSERT_OK_AND_ASSIGN(const absl::Duration set, RequestTimeout(request));
  EXPECT_EQ(set, absl::Milliseconds(1500));
  timeout.set_nanos(0);
  timeout.set_seconds(-1);
  EXPECT_THAT(RequestTimeout(request), StatusIs(kInvalid, HasSubstr("options.timeout: expected a positive duration")));
}

TEST(RequestTimeoutTest, MustBeADurationAsProtobufHasIt) {
  v1::ComputeRequest request;
  auto& timeout = *request.mutable_options()->mutable_timeout();
  const std::pair<int64_t, int32_t> not_durations[] = {{1, -1}, {-1, 1}, {0, 1'000'000'000}, {1, 2'000'000'000}};
  for (const auto& [seconds, nanos] : not_durations) {
    timeout.set_seconds(seconds);
    timeout.set_nanos(nanos);
    EXPECT_THAT(RequestTimeout(request),
                StatusIs(kInvalid, absl::StrCat("options.timeout: expected seconds and nanos of one sign, nanos below ",
                                                "1000000000, got ", seconds, " and ", nanos)));
  }
  timeout.set_seconds(0);
  timeout.set_nanos(999'999'999);
  EXPECT_OK(RequestTimeout(request));
}

}  // namespace
}  // namespace lossd
