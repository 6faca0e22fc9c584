// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/cpc/cpc_plan.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;

int64_t NoWorkspace(const CpcPlan&, const CpcWants&) { return 0; }

ComputeSpec MakeRequest(Shape z = {2, 4, 5, 6}, DType dtype = DType::kFloat32) {
  ComputeSpec request;
  request.loss = CpcConfig{};
  request.inputs.push_back({"z", dtype, std::move(z)});
  return request;
}

ComputeSpec MakeRequestWithParameters(int64_t dim = 8, DType dtype = DType::kFloat32) {
  ComputeSpec request = MakeRequest();
  request.inputs[0].dtype = dtype;
  for (const TensorSpec& spec : CpcParameterSpecs(4, dim, dtype)) request.inputs.push_back(spec);
  return request;
}

GradientSelection Named(std::vector<std::string> names) {
  GradientSelection selection;
  selection.mode = GradientSelection::Mode::kNamed;
  selection.names = std::move(names);
  return selection;
}

CpcConfig& ConfigOf(ComputeSpec& request) { return std::get<CpcConfig>(request.loss); }

TensorSpec& InputOf(ComputeSpec& request, absl::string_view name) {
  for (TensorSpec& input : request.inputs) {
    if (input.name == name) return input;
  }
  return request.inputs.front();
}

// The plan's text if `change` is made to a request with parameters.
void ExpectRefused(const std::function<void(ComputeSpec&)>& change, const std::string& text) {
  ComputeSpec request = MakeRequestWithParameters();
  change(request);
  EXPECT_THAT(MakeCpcPlan(request, NoWorkspace), StatusIs(absl::StatusCode::kInvalidArgument, text));
}

TEST(CpcPlanTest, PlansOutputsAndSeedParameters) {
  ASSERT_OK_AND_ASSIGN(const auto plan, MakeCpcPlan(MakeRequest(), NoWorkspace));
  ASSERT_EQ(plan->outputs.size(), 2);
  EXPECT_EQ(plan->outputs[0], (TensorSpec{"loss", DType::kFloat32, {}}));
  EXPECT_EQ(plan->outputs[1], (TensorSpec{"step_losses", DType::kFloat32, {3}}));
  EXPECT_EQ(plan->dim, 64);
  ASSERT_EQ(plan->derived_inputs.size(), 44);
  EXPECT_EQ(plan->derived_inputs[2].name, "parameters.pred_cnn.weight");
  EXPECT_EQ(plan->parameters[2], 3);
}

TEST(CpcPlanTest, ReadsTheTargetDimensionOffParametersInAnyOrder) {
  ComputeSpec request = MakeRequestWithParameters(8);
  std::reverse(request.inputs.begin(), request.inputs.end());
  ASSERT_OK_AND_ASSIGN(const auto plan, MakeCpcPlan(request, NoWorkspace));
  EXPECT_EQ(plan->dim, 8);
  EXPECT_EQ(plan->z, 44);
  EXPECT_EQ(plan->parameters[0], 43);
  EXPECT_TRUE(plan->derived_inputs.empty());
  ConfigOf(request).target_dim = 8;
  EXPECT_OK(MakeCpcPlan(request, NoWorkspace));
}

TEST(CpcPlanTest, ComputesNarrowInputsInFloat32AndFloat64InItself) {
  ComputeSpec request = MakeRequestWithParameters();
  request.inputs[0].dtype = DType::kBFloat16;
  ASSERT_OK_AND_ASSIGN(const auto narrow, MakeCpcPlan(request, NoWorkspace));
  EXPECT_EQ(narrow->dtype, DType::kFloat32);
  ASSERT_OK_AND_ASSIGN(const auto wide, MakeCpcPlan(MakeRequestWithParameters(8, DType::kFloat64), NoWorkspace));
  EXPECT_EQ(wide->dtype, DType::kFloat64);
  EXPECT_EQ(wide->outputs[1].dtype, DType::kFloat64);
}

TEST(CpcPlanTest, BatchesAgreeInWhatTheirRunShares) {
  const auto key = [](const ComputeSpec& request) { return (*MakeCpcPlan(request, NoWorkspace))->batch_key; };
  ComputeSpec request = MakeRequest();
  const std::string usual = key(request);
  ConfigOf(request).embed_scale = 3;
  ConfigOf(request).init_seed = 0;
  EXPECT_EQ(key(request), usual);
  ConfigOf(request).init_seed = 1;
  EXPECT_NE(key(request), usual);
  ConfigOf(request) = CpcConfig();
  ConfigOf(request).target_dim = 63;
  EXPECT_NE(key(request), usual);
  EXPECT_NE(key(MakeRequest({2, 4, 6, 5})), usual);
  EXPECT_NE(key(MakeRequest({2, 4, 5, 6}, DType::kFloat64)), usual);
  ComputeSpec sent = MakeRequestWithParameters(64);
  const std::string of_sent = key(sent);
  EXPECT_NE(of_sent, usual);
  std::swap(sent.inputs[1], sent.inputs[3]);
  EXPECT_NE(key(sent), of_sent);
}

TEST(CpcPlanTest, WantsFollowTheSelection) {
  CpcWants wants;
  const auto keep = [&](const CpcPlan&, const CpcWants& seen) {
    wants = seen;
    return int64_t{1};
  };
  ComputeSpec request = MakeRequest();
  ASSERT_OK(MakeCpcPlan(request, keep));
  EXPECT_TRUE(wants.z);
  EXPECT_FALSE(wants.context_parameters());
  request.gradients = Named({"parameters.context_cnn.blocks.4*"});
  ASSERT_OK(MakeCpcPlan(request, keep));
  EXPECT_FALSE(wants.z);
  EXPECT_TRUE(wants.context_parameters());
  EXPECT_FALSE(wants.parameters[kContextParameters]);
  EXPECT_FALSE(wants.targets());
  request.gradients = Named({"parameters.target_cnn.weight"});
  ASSERT_OK(MakeCpcPlan(request, keep));
  EXPECT_TRUE(wants.targets());
  EXPECT_FALSE(wants.predictions());
  request.gradients = {};
  request.gradients.mode = GradientSelection::Mode::kNone;
  ASSERT_OK(MakeCpcPlan(request, keep));
  EXPECT_FALSE(wants.targets() || wants.predictions());
}

TEST(CpcPlanTest, EstimatesTheProductsThatAreNeeded) {
  ComputeSpec request = MakeRequest({32, 512, 7, 7});
  request.gradients = Named({"z", "parameters.*"});
  ASSERT_OK_AND_ASSIGN(const auto all, MakeCpcPlan(request, NoWorkspace));
  EXPECT_NEAR(all->flops, 18e9, 3e9);  // With the outer columns, which are constant, it would be 19.4e9.
  request.gradients = {};
  request.gradients.mode = GradientSelection::Mode::kNone;
  ASSERT_OK_AND_ASSIGN(const auto none, MakeCpcPlan(request, NoWorkspace));
  EXPECT_LT(none->flops, 0.36 * all->flops);
}

TEST(CpcPlanTest, RefusesStrangeInputs) {
  ExpectRefused([](ComputeSpec& request) { InputOf(request, "z").name = "x"; },
                "inputs[x]: unknown input, expected z or parameters.<name in the state_dict>");
  ExpectRefused([](ComputeSpec& request) { InputOf(request, "parameters.pred_cnn.bias").name = "parameters.bias"; },
                "inputs[parameters.bias]: unknown input, expected z or parameters.<name in the state_dict>");
  ExpectRefused([](ComputeSpec& request) { request.inputs.erase(request.inputs.begin()); },
                "inputs[z]: missing, expected a tensor of this name");
  ExpectRefused([](ComputeSpec& request) { InputOf(request, "z").dtype = DType::kInt32; },
                "inputs[z].dtype: expected a floating type, got INT32");
  ExpectRefused([](ComputeSpec& request) { InputOf(request, "parameters.pred_cnn.bias").dtype = DType::kFloat64; },
                "inputs[parameters.pred_cnn.bias].dtype: FLOAT64 cannot be mixed with narrower types, got FLOAT64 "
                "beside FLOAT32 of inputs[z]");
}

TEST(CpcPlanTest, RefusesStrangeShapesOfZ) {
  const auto expect = [](Shape shape, const std::string& text) {
    EXPECT_THAT(MakeCpcPlan(MakeRequest(std::move(shape)), NoWorkspace),
                StatusIs(absl::StatusCode::kInvalidArgument, text));
  };
  expect({2, 4, 5}, "inputs[z].shape: expected [B, C, H, W] of rank 4, got [2, 4, 5]");
  expect({0, 4, 5, 5}, "inputs[z].shape: expected [B, C, H, W] with B >= 1 and C >= 1, got [0, 4, 5, 5]");
  expect({2, 0, 5, 5}, "inputs[z].shape: expected [B, C, H, W] with B >= 1 and C >= 1, got [2, 0, 5, 5]");
  expect({2, 4, 2, 5}, "inputs[z].shape: expected [B, C, H, W] with H >= 3 and W >= 3, got [2, 4, 2, 5]");
  expect({2, 4, 5, 2}, "inputs[z].shape: expected [B, C, H, W] with H >= 3 and W >= 3, got [2, 4, 5, 2]");
  EXPECT_OK(MakeCpcPlan(MakeRequest({1, 1, 3, 3}), NoWorkspace));
}

TEST(CpcPlanTest, RefusesParametersThatDoNotFit) {
  ExpectRefused(
      [](ComputeSpec& request) { request.inputs.erase(request.inputs.begin() + 4, request.inputs.begin() + 6); },
      "inputs[parameters.pred_cnn.bias]: missing, expected all 44 parameters or none, got 42");
  ExpectRefused(
      [](ComputeSpec& request) {
        InputOf(request, "parameters.pred_cnn.weight").shape = {8, 5, 1, 1};
      },
      "inputs[parameters.pred_cnn.weight].shape: expected [8, 4, 1, 1] for C = 4 of inputs[z] and D = 8, got "
      "[8, 5, 1, 1]");
  ExpectRefused(
      [](ComputeSpec& request) {
        InputOf(request, "parameters.target_cnn.weight").shape = {8, 4};
      },
      "inputs[parameters.target_cnn.weight].shape: expected [D, C, 1, 1], got [8, 4]");
  ExpectRefused(
      [](ComputeSpec& request) {
        InputOf(request, "parameters.target_cnn.weight").shape = {0, 4, 1, 1};
      },
      "inputs[parameters.target_cnn.weight].shape: expected 1 to 4096, got 0");
  ExpectRefused([](ComputeSpec& request) { ConfigOf(request).init_seed = 0; },
                "loss.cpc.init_seed: expected none where parameters are sent");
  ExpectRefused([](ComputeSpec& request) { ConfigOf(request).target_dim = 64; },
                "loss.cpc.target_dim: expected 8 like the parameters, or none, got 64");
}

TEST(CpcPlanTest, RefusesTargetDimensionsOutOfRange) {
  for (const int32_t dim : {-1, 0, 4097}) {
    ComputeSpec request = MakeRequest();
    ConfigOf(request).target_dim = dim;
    EXPECT_THAT(MakeCpcPlan(request, NoWorkspace),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         "loss.cpc.target_dim: expected 1 to 4096, got " + std::to_string(dim)));
  }
  ComputeSpec request = MakeRequest();
  ConfigOf(request).target_dim = 4096;
  EXPECT_OK(MakeCpcPlan(request, NoWorkspace));
}

TEST(CpcPlanTest, RefusesAnEmbedScaleThatIsNotFiniteOrTooLargeForItsType) {
  ComputeSpec request = MakeRequest();
  ConfigOf(request).embed_scale = std::nan("");
  EXPECT_THAT(MakeCpcPlan(request, NoWorkspace),
              StatusIs(absl::StatusCode::kInvalidArgument, "loss.cpc.embed_scale: expected a finite number, got nan"));
  ConfigOf(request).embed_scale = -1e39;
  EXPECT_THAT(
      MakeCpcPlan(request, NoWorkspace),
      StatusIs(absl::StatusCode::kInvalidArgument,
               "loss.cpc.embed_scale: expected a magnitude that FLOAT32 holds unless z is FLOAT64, got -1e+39"));
  ConfigOf(request).embed_scale = std::numeric_limits<double>::infinity();
  EXPECT_THAT(MakeCpcPlan(request, NoWorkspace),
              StatusIs(absl::StatusCode::kInvalidArgument, "loss.cpc.embed_scale: expected a finite number, got inf"));
}

}  // namespace
}  // namespace lossd
