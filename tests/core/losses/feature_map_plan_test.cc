// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/feature_map_plan.h"

#include <cmath>
#include <limits>
#include <string>

#include "core/status/errors.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::absl::StatusCode;
using ::lossd::testing::StatusIs;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Two anchors and two positives that fit together.
ComputeSpec MakeRequest(const std::string& comparisons = "00, 11") {
  ComputeSpec request;
  FeatureMapContrastiveConfig config;
  config.comparisons = comparisons;
  request.loss = config;
  for (const char* name : {"anchor.0", "anchor.1", "positive.0", "positive.1"}) {
    request.inputs.push_back({name, DType::kFloat32, {3, 5, 2, 2}});
  }
  return request;
}

FeatureMapContrastiveConfig& ConfigOf(ComputeSpec& request) {
  return std::get<FeatureMapContrastiveConfig>(request.loss);
}

// Expects that planning fails with text "field: description" about `field`.
void ExpectRefused(const ComputeSpec& request, const std::string& field, const std::string& description) {
  const auto plan = PlanFeatureMaps(request);
  EXPECT_THAT(plan, StatusIs(StatusCode::kInvalidArgument, field + ": " + description));
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(GetFieldViolation(plan.status())->field, field);
}

TEST(PlanFeatureMapsTest, DescribesItsOutputs) {
  ASSERT_OK_AND_ASSIGN(const auto plan, PlanFeatureMaps(MakeRequest()));
  EXPECT_EQ(plan->outputs[kLosses], (TensorSpec{"losses", DType::kFloat32, {2}}));
  EXPECT_EQ(plan->outputs[kRegularizer], (TensorSpec{"regularizer", DType::kFloat32, {}}));
  EXPECT_EQ(plan->outputs[kComparisons], (TensorSpec{"comparisons", DType::kInt32, {2, 2}}));
  EXPECT_EQ(plan->outputs[kPositions], (TensorSpec{"positions", DType::kInt32, {2, 2, 3}}));
  EXPECT_GE(plan->flops, 4 * 6.0 * 9 * 4 * 5);
  EXPECT_GT(plan->workspace_bytes, 0);
  EXPECT_TRUE(plan->derived_inputs.empty());
}

TEST(PlanFeatureMapsTest, CountsTheOperationsOfAbsurdBatchesToo) {
  ComputeSpec request = MakeRequest("00");
  for (TensorSpec& input : request.inputs) input.shape = {int64_t{1} << 32, 1, 1, 1};
  ASSERT_OK_AND_ASSIGN(const auto plan, PlanFeatureMaps(request));
  EXPECT_GE(plan->flops, 0x1p64);
}

TEST(PlanFeatureMapsTest, IsFloat64WhereTheMapsAre) {
  ComputeSpec request = MakeRequest();
  for (TensorSpec& input : request.inputs) input.dtype = DType::kFloat64;
  ASSERT_OK_AND_ASSIGN(const auto plan, PlanFeatureMaps(request));
  EXPECT_EQ(plan->outputs[kLosses].dtype, DType::kFloat64);
  request.inputs[1].dtype = DType::kFloat32;
  ExpectRefused(request, "inputs[anchor.1].dtype",
                "FLOAT64 cannot be mixed with narrower types, got FLOAT32 beside FLOAT64 of inputs[anchor.0]");
}

TEST(PlanFeatureMapsTest, MixesNarrowFloatingTypes) {
  ComputeSpec request = MakeRequest();
  request.inputs[0].dtype = DType::kFloat16;
  request.inputs[3].dtype = DType::kBFloat16;
  ASSERT_OK_AND_ASSIGN(const auto plan, PlanFeatureMaps(request));
  EXPECT_EQ(plan->outputs[kLosses].dtype, DType::kFloat32);
  request.inputs[2].dtype = DType::kInt64;
  ExpectRefused(request, "inputs[positive.0].dtype", "expected a floating type, got INT64");
}

TEST(PlanFeatureMapsTest, TellsTasksOfOtherShapesApart) {
  ComputeSpec request = MakeRequest();
  ASSERT_OK_AND_ASSIGN(const auto plan, PlanFeatureMaps(request));
  ASSERT_OK_AND_ASSIGN(const auto same, PlanFeatureMaps(request));
  request.inputs[1].shape = {3, 5, 4, 1};
  ASSERT_OK_AND_ASSIGN(const auto other, PlanFeatureMaps(request));
  EXPECT_EQ(plan->batch_key, same->batch_key);
  EXPECT_NE(plan->batch_key, other->batch_key);
}

TEST(PlanFeatureMapsTest, BatchesPairsHoweverTheyAreWritten) {
  ASSERT_OK_AND_ASSIGN(const auto plan, PlanFeatureMaps(MakeRequest("00, 11")));
  ASSERT_OK_AND_ASSIGN(const auto same, PlanFeatureMaps(MakeRequest("0:0,1:1")));
  ASSERT_OK_AND_ASSIGN(const auto other, PlanFeatureMaps(MakeRequest("00, 10")));
  EXPECT_EQ(plan->batch_key, same->batch_key);
  EXPECT_NE(plan->batch_key, other->batch_key);
}

TEST(PlanFeatureMapsTest, CountsTheWordsThatAreSkipped) {
  ComputeSpec request = MakeRequest();
  ConfigOf(request).sampling =
      SamplingSeed{.torch_seed = 1, .numpy_seed = {}, .torch_skip = 1 << 26, .numpy_skip = 1 << 20};
  ASSERT_OK_AND_ASSIGN(const auto plan, PlanFeatureMaps(request));
  EXPECT_GE(plan->flops, (1 << 26) + (1 << 20));
}

TEST(PlanFeatureMapsTest, TakesMoreMapsThanComparisons) {
  ComputeSpec request = MakeRequest("01, 02");
  ExpectRefused(request, "loss.feature_map_contrastive.comparisons",
                "expected indices below the number of positive maps, 2, got 2");
  request.inputs.push_back({"positive.2", DType::kFloat32, {3, 5, 7, 1}});
  ExpectRefused(request, "loss.feature_map_contrastive.comparisons",
                "expected indices below the number of anchor maps, 2, got 2");
  ConfigOf(request).bidirectional = false;
  EXPECT_OK(PlanFeatureMaps(request));
}

TEST(PlanFeatureMapsTest, SaysWhatTheDefaultIsToWhoeverHasOneMapASide) {
  ComputeSpec request = MakeRequest(FeatureMapContrastiveConfig().comparisons);
  request.inputs = {{"anchor.0", DType::kFloat32, {3, 5, 2, 2}}, {"positive.0", DType::kFloat32, {3, 5, 2, 2}}};
  ExpectRefused(request, "loss.feature_map_contrastive.comparisons",
                "expected indices below the number of anchor maps, 1, got 1; \"00, 11\" is the default, for two maps a "
                "side: set comparisons, such as \"00\" for one");
  ConfigOf(request).comparisons = "00";
  EXPECT_OK(PlanFeatureMaps(request));
}

TEST(PlanFeatureMapsTest, ChecksWhateverADrawCouldReach) {
  ComputeSpec request = MakeRequest("0r");
  EXPECT_OK(PlanFeatureMaps(request));
  request.inputs.push_back({"anchor.2", DType::kFloat32, {3, 5, 2, 2}});
  ExpectRefused(request, "loss.feature_map_contrastive.comparisons",
                "expected indices below the number of positive maps, 2, got 2 within the reach of r");
  request.inputs.push_back({"positive.2", DType::kFloat32, {3, 6, 2, 2}});
  ExpectRefused(request, "inputs[positive.2].shape",
                "expected 5 channels like inputs[anchor.0], with which it is compared, got [3, 6, 2, 2]");
  ConfigOf(request).comparisons = "00";
  EXPECT_OK(PlanFeatureMaps(request));
  request.inputs[4].shape[1] = 6;
  ConfigOf(request).comparisons = "r2";
  ExpectRefused(request, "inputs[positive.2].shape",
                "expected 5 channels like inputs[anchor.0], with which it is compared, got [3, 6, 2, 2]");
  request.inputs[5].shape[1] = 5;
  ExpectRefused(request, "inputs[positive.2].shape",
                "expected 6 channels like inputs[anchor.2], with which it is compared, got [3, 5, 2, 2]");
}

TEST(PlanFeatureMapsTest, RefusesShapesThatDoNotFit) {
  ComputeSpec request = MakeRequest();
  request.inputs[1].shape = {3, 5, 4};
  ExpectRefused(request, "inputs[anchor.1].shape", "expected [B, C, H, W] with extents above 0, got [3, 5, 4]");
  request.inputs[1].shape = {3, 0, 2, 2};
  ExpectRefused(request, "inputs[anchor.1].shape", "expected [B, C, H, W] with extents above 0, got [3, 0, 2, 2]");
  request.inputs[1].shape = {4, 5, 2, 2};
  ExpectRefused(request, "inputs[anchor.1].shape", "expected 3 images like inputs[anchor.0], got [4, 5, 2, 2]");
  request.inputs[1].shape = {3, 5, 65536, 32768};
  ExpectRefused(request, "inputs[anchor.1].shape", "expected H * W below 2^31, got [3, 5, 65536, 32768]");
  request.inputs[1].shape = {3, 4, 2, 2};
  ExpectRefused(request, "inputs[positive.1].shape",
                "expected 4 channels like inputs[anchor.1], with which it is compared, got [3, 5, 2, 2]");
}

TEST(PlanFeatureMapsTest, RefusesInputsThatAreNotMaps) {
  ComputeSpec request = MakeRequest();
  request.inputs.push_back({"foo", DType::kFloat32, {3, 5, 2, 2}});
  ExpectRefused(request, "inputs[foo]", "unknown input, expected anchor.0, ... or positive.0, ...");
  request.inputs.back().name = "anchor.3";
  ExpectRefused(request, "inputs[anchor.2]", "missing, numbers start at 0 without gaps");
  request.inputs.resize(2);
  ExpectRefused(request, "inputs[positive.0]", "missing, expected a tensor of this name");
}

TEST(PlanFeatureMapsTest, RefusesConfigurationsWithoutMeaning) {
  ComputeSpec request = MakeRequest();
  const std::string config = "loss.feature_map_contrastive";
  ConfigOf(request).tclip = 0;
  ExpectRefused(request, config + ".tclip", "expected a value other than 0 and NaN, got 0");
  ConfigOf(request).tclip = NAN;
  ExpectRefused(request, config + ".tclip", "expected a value other than 0 and NaN, got nan");
  ConfigOf(request).tclip = kInfinity;
  EXPECT_OK(PlanFeatureMaps(request));
  ConfigOf(request).regularizer_weight = kInfinity;
  ExpectRefused(request, config + ".regularizer_weight", "expected a finite value, got inf");
  ConfigOf(request).regularizer_weight = 1;
  ConfigOf(request).regularizer_scale = NAN;
  ExpectRefused(request, config + ".regularizer_scale", "expected a finite value, got nan");
  ConfigOf(request).regularizer_scale = 0.05;
  ConfigOf(request).loss_weights = {1};
  ExpectRefused(request, config + ".loss_weights", "expected none or one for each of 2 comparisons, got 1");
  ConfigOf(request).loss_weights = {0, -kInfinity};
  ExpectRefused(request, config + ".loss_weights[1]", "expected a finite value, got -inf");
  ConfigOf(request).loss_weights = {0, -1};
  EXPECT_OK(PlanFeatureMaps(request));
  ConfigOf(request).comparisons = "";
  ExpectRefused(request, config + ".comparisons",
                "expected pairs such as 01, r1 or 10:12, separated by commas, got \"\"");
}

TEST(PlanFeatureMapsTest, ChecksTheSampling) {
  ComputeSpec request = MakeRequest();
  ConfigOf(request).sampling = ExplicitPositions{{0}};
  ExpectRefused(request, "loss.feature_map_contrastive.sampling.positions.values",
                "expected 12 values (2 comparisons x 2 directions x 3 images), got 1");
}

}  // namespace
}  // namespace lossd
