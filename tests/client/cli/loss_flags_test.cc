// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/loss_flags.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <fstream>
#include <string>
#include <variant>

#include "client/cli/subcommand.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd::cli {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

absl::StatusOr<client::LossSpec> SpecOf(std::vector<std::string> arguments) {
  CLI::App app;
  LossFlags flags;
  flags.Declare(app);
  std::reverse(arguments.begin(), arguments.end());
  app.parse(std::move(arguments));
  return flags.Spec();
}

TEST(LossFlagsTest, AbsentFlagsLeaveTheDefaults) {
  ASSERT_OK_AND_ASSIGN(const client::LossSpec spec, SpecOf({"--loss", "feature_map_contrastive"}));
  const auto& loss = std::get<client::FeatureMapContrastive>(spec);
  EXPECT_EQ(loss.comparisons, "00, 11");
  EXPECT_TRUE(loss.bidirectional);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(loss.sampling));
}

TEST(LossFlagsTest, EveryFieldOfFeatureMapContrastiveHasAFlag) {
  ASSERT_OK_AND_ASSIGN(const client::LossSpec spec, SpecOf({"--loss",
                                                            "feature_map_contrastive",
                                                            "--comparisons",
                                                            "01, 1r",
                                                            "--tclip",
                                                            "inf",
                                                            "--bidirectional",
                                                            "false",
                                                            "--regularizer-weight",
                                                            "0",
                                                            "--regularizer-scale",
                                                            "0.1",
                                                            "--loss-weights",
                                                            "1,-2",
                                                            "--torch-seed",
                                                            "5",
                                                            "--numpy-skip",
                                                            "3",
                                                            "--share-source-samples",
                                                            "true"}));
  const auto& loss = std::get<client::FeatureMapContrastive>(spec);
  EXPECT_EQ(loss.comparisons, "01, 1r");
  EXPECT_TRUE(std::isinf(loss.tclip));
  EXPECT_EQ(loss.bidirectional, false);
  EXPECT_EQ(loss.regularizer_weight, 0.0);
  EXPECT_EQ(loss.regularizer_scale, 0.1);
  EXPECT_THAT(loss.loss_weights, ElementsAre(1, -2));
  EXPECT_EQ(loss.share_source_samples, true);
  const auto& seed = std::get<client::Seed>(loss.sampling);
  EXPECT_EQ(seed.torch_seed, 5u);
  EXPECT_EQ(seed.numpy_seed, std::nullopt);
  EXPECT_EQ(seed.numpy_skip, 3u);
}

TEST(LossFlagsTest, PositionsExcludeSeeds) {
  ASSERT_OK_AND_ASSIGN(const client::LossSpec spec,
                       SpecOf({"--loss", "feature_map_contrastive", "--positions", "0,3,2"}));
  EXPECT_THAT(std::get<client::Positions>(std::get<client::FeatureMapContrastive>(spec).sampling).values,
              ElementsAre(0, 3, 2));
  EXPECT_THAT(SpecOf({"--loss", "feature_map_contrastive", "--positions", "0", "--torch-seed", "1"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--positions")));
}

TEST(LossFlagsTest, TheOtherLossesHaveTheirs) {
  ASSERT_OK_AND_ASSIGN(const client::LossSpec cpc, SpecOf({"--loss", "cpc", "--target-dim", "8", "--embed-scale", "0.5",
                                                           "--init-seed", "3", "--step-weighting", "uniform"}));
  EXPECT_EQ(std::get<client::Cpc>(cpc).target_dim, 8);
  EXPECT_EQ(std::get<client::Cpc>(cpc).init_seed, 3u);
  EXPECT_EQ(std::get<client::Cpc>(cpc).step_weighting, StepWeighting::kUniform);
  ASSERT_OK_AND_ASSIGN(const client::LossSpec nt_xent, SpecOf({"--loss", "nt_xent", "--temperature", "0.1"}));
  EXPECT_EQ(std::get<client::NtXent>(nt_xent).temperature, 0.1);
  ASSERT_OK_AND_ASSIGN(const client::LossSpec squared_norm, SpecOf({"--loss", "squared_norm"}));
  EXPECT_TRUE(std::holds_alternative<client::SquaredNorm>(squared_norm));
}

TEST(LossFlagsTest, FieldsOfMessagesWithinHaveFlagsToo) {
  ASSERT_OK_AND_ASSIGN(const client::LossSpec spec,
                       SpecOf({"--loss", "info_nce", "--temperature", "0.05", "--symmetric", "true",
                               "--false-negatives-margin", "0.1", "--false-negatives-margin-strategy", "relative"}));
  const auto& loss = std::get<InfoNceConfig>(spec);
  EXPECT_EQ(loss.temperature, 0.05);
  EXPECT_TRUE(loss.symmetric);
  EXPECT_EQ(loss.false_negatives, (FalseNegatives{MarginStrategy::kRelative, 0.1}));
  ASSERT_OK_AND_ASSIGN(const client::LossSpec plain, SpecOf({"--loss", "info_nce"}));
  EXPECT_EQ(std::get<InfoNceConfig>(plain).false_negatives, std::nullopt);
}

TEST(LossFlagsTest, RefusesFlagsOfAnotherLoss) {
  EXPECT_THAT(
      SpecOf({"--loss", "cpc", "--temperature", "1"}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--temperature: belongs to nt_xent, info_nce, sup_con")));
  EXPECT_THAT(SpecOf({"--config", "{}", "--tclip", "1"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--tclip: belongs to")));
}

TEST(LossFlagsTest, RefusesLossesThatItDoesNotKnow) {
  EXPECT_THAT(SpecOf({}), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--loss: expected")));
  const absl::Status status = SpecOf({"--loss", "unheard_of"}).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("got 'unheard_of'")));
  EXPECT_TRUE(IsUsageError(status));
}

TEST(LossFlagsTest, RefusesValuesThatItCannotRead) {
  for (const auto& [flag, value, text] :
       {std::tuple("--tclip", "much", "--tclip: expected a number, got 'much'"),
        std::tuple("--bidirectional", "maybe", "--bidirectional: expected true or false, got 'maybe'"),
        std::tuple("--torch-seed", "-1", "--torch-seed: expected an integer >= 0, got '-1'"),
        std::tuple("--positions", "1,x",
                   "--positions: expected an integer, and so on, separated by commas, got '1,x'")}) {
    EXPECT_THAT(SpecOf({"--loss", "feature_map_contrastive", flag, value}),
                StatusIs(absl::StatusCode::kInvalidArgument, text));
  }
  EXPECT_THAT(
      SpecOf({"--loss", "cpc", "--step-weighting", "odd"}),
      StatusIs(absl::StatusCode::kInvalidArgument, "--step-weighting: expected reference or uniform, got 'odd'"));
}

TEST(LossFlagsTest, TakesProtobufsJson) {
  const std::string json =
      R"({"featureMapContrastive": {"tclip": "Infinity", "sampling": {"seed": {"torchSeed": "7"}}}})";
  ASSERT_OK_AND_ASSIGN(const client::LossSpec spec, SpecOf({"--config", json}));
  const auto& loss = std::get<client::FeatureMapContrastive>(spec);
  EXPECT_TRUE(std::isinf(loss.tclip));
  EXPECT_EQ(std::get<client::Seed>(loss.sampling).torch_seed, 7u);
  const std::string path = ::testing::TempDir() + "/loss_flags_config.json";
  std::ofstream(path) << R"({"nt_xent": {"temperature": 0.25}})";
  ASSERT_OK_AND_ASSIGN(const client::LossSpec from_file, SpecOf({"--config", "@" + path}));
  EXPECT_EQ(std::get<client::NtXent>(from_file).temperature, 0.25);
}

TEST(LossFlagsTest, TellsInOneLineWhereJsonIsWrong) {
  for (const auto& [json, text] :
       {std::pair(R"({"nt_xent" {"temperature": 1}})", "at '{\"temperature\": 1}}'"),
        std::pair("{\n  \"a\":\n", ", at the end"), std::pair("{\n \"nt_xent\": {},\n oops\n}", "at '}'")}) {
    const absl::Status status = SpecOf({"--config", json}).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                                 AllOf(HasSubstr("--config: no JSON: "), HasSubstr(text), Not(HasSubstr("\n")))));
  }
}

TEST(LossFlagsTest, RefusesOtherJson) {
  for (const std::string json : {"{", R"({"unheard_of": {}})", "{}", "@/no/such/file"}) {
    const absl::Status status = SpecOf({"--config", json}).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--config"))) << json;
  }
}

}  // namespace
}  // namespace lossd::cli
