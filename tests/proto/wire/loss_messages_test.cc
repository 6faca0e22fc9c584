// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/loss_messages.h"

#include <string>
#include <type_traits>
#include <variant>

#include "absl/strings/ascii.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd::wire {
namespace {

using ::google::protobuf::Descriptor;
using ::lossd::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

// The fields that a configuration lists are those of its message, in their order, and so on within.
template <typename Config>
void ExpectFieldsOf(const Descriptor& message, const Config& config) {
  int count = 0;
  Config::Fields(config, [&](absl::string_view name, const auto& field, absl::string_view) {
    ASSERT_LT(count, message.field_count()) << message.name();
    EXPECT_EQ(message.field(count++)->name(), name) << message.name();
    const auto* const type = message.field(count - 1)->enum_type();
    using Field = std::decay_t<decltype(field)>;
    if constexpr (std::is_enum_v<Field>) {
      const auto names = NamesOf(field);
      ASSERT_EQ(type->value_count(), static_cast<int>(names.size()) + 1);
      for (size_t i = 0; i < names.size(); ++i) {
        const std::string value = type->FindValueByNumber(static_cast<int>(i) + 1)->name();
        EXPECT_THAT(value, ::testing::EndsWith(absl::AsciiStrToUpper("_" + std::string(names[i]))));
      }
    }
    if constexpr (IsOptional<Field>::value) {
      using Value = typename Field::value_type;
      if constexpr (std::is_class_v<Value>) ExpectFieldsOf(*message.field(count - 1)->message_type(), Value());
    }
  });
  EXPECT_EQ(message.field_count(), count) << message.name();
}

TEST(LossMessagesTest, EveryMemberOfLossSpecIsALossWithItsFields) {
  const auto& members = *v1::LossSpec::descriptor()->oneof_decl(0);
  ASSERT_EQ(members.field_count(), static_cast<int>(kLossCount));
  for (size_t i = 0; i < kLossCount; ++i) {
    EXPECT_EQ(members.field(static_cast<int>(i))->name(), kLossNames[i]);
    std::visit([&](const auto& config) { ExpectFieldsOf(*members.field(static_cast<int>(i))->message_type(), config); },
               DefaultLossConfig(i));
  }
}

TEST(LossMessagesTest, DefaultsAreNotSent) {
  for (size_t i = 0; i < kLossCount; ++i) {
    const v1::LossSpec message = ToLossMessage(DefaultLossConfig(i));
    EXPECT_EQ(message.ByteSizeLong(), 2u) << kLossNames[i];  // The member's tag and the length 0.
    ASSERT_OK_AND_ASSIGN(const LossConfig config, ToLossConfig(message));
    EXPECT_EQ(config.index(), i);
  }
}

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

TEST(ToLossConfigTest, NoLossIsInvalidAndAnUnknownOneUnimplemented) {
  v1::LossSpec loss;
  EXPECT_THAT(ToLossConfig(loss),
              StatusIs(kInvalid, HasSubstr("loss: expected one of feature_map_contrastive, cpc, nt_xent, ")));
  ASSERT_TRUE(loss.ParseFromString(std::string("\xfa\x06\x00", 3)));  // Field 111.
  EXPECT_THAT(ToLossConfig(loss), StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("got field number 111")));
}

TEST(ToLossConfigTest, UnknownValuesOfEnumsAreNamed) {
  v1::LossSpec loss;
  loss.mutable_cpc()->set_step_weighting(static_cast<v1::Cpc::StepWeighting>(5));
  EXPECT_THAT(ToLossConfig(loss),
              StatusIs(kInvalid,
                       "loss.cpc.step_weighting: expected STEP_WEIGHTING_REFERENCE or STEP_WEIGHTING_UNIFORM, "
                       "got 5"));
}

}  // namespace
}  // namespace lossd::wire
