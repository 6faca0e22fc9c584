// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/planner.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/status/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_loss.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::FakeLoss;
using ::lossd::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr double kNoLimit = std::numeric_limits<double>::infinity();
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

ComputeSpec MakeRequest() {
  ComputeSpec request;
  request.loss = SquaredNormConfig{};
  request.inputs = {{"a", DType::kFloat32, {2, 3}}, {"b", DType::kBFloat16, {4}}, {"n", DType::kInt32, {5}}};
  return request;
}

ComputeSpec Named(std::vector<std::string> names) {
  ComputeSpec request = MakeRequest();
  request.gradients.mode = GradientSelection::Mode::kNamed;
  request.gradients.names = std::move(names);
  return request;
}

std::vector<std::string> GradientNames(const Plan& plan) {
  std::vector<std::string> names;
  for (const GradientPlan& gradient : plan.gradients) names.push_back(gradient.spec.name);
  return names;
}

FakeLoss LossWithParameters() {
  FakeLoss loss;
  loss.derived_inputs = {{"parameters.w", DType::kFloat32, {7}}, {"parameters.b", DType::kFloat32, {1}}};
  return loss;
}

TEST(PlannerTest, AllMeansEveryFloatingInputThatWasSent) {
  const FakeLoss loss = LossWithParameters();
  ASSERT_OK_AND_ASSIGN(const auto plan, MakePlan(MakeRequest(), loss, kNoLimit));
  EXPECT_THAT(GradientNames(*plan), ElementsAre("a", "b"));
  EXPECT_EQ(plan->gradients[1].spec.dtype, DType::kBFloat16);
  EXPECT_EQ(plan->gradients[1].computed.dtype, DType::kFloat32);
}

TEST(PlannerTest, WithADeviceSixteenBitsGoUpAndComeDownAsSuch) {
  const FakeLoss loss = LossWithParameters();
  ASSERT_OK_AND_ASSIGN(const auto plan, MakePlan(MakeRequest(), loss, kNoLimit, /*has_device=*/true));
  EXPECT_EQ(plan->inputs[1].dtype, DType::kBFloat16);
  EXPECT_EQ(plan->gradients[0].computed.dtype, DType::kFloat32);
  EXPECT_EQ(plan->gradients[1].computed.dtype, DType::kBFloat16);
  ComputeSpec request = MakeRequest();
  request.inputs[0].dtype = DType::kFloat64;  // Rounded once, and so on the host.
  request.gradients.dtype = DType::kFloat16;
  ASSERT_OK_AND_ASSIGN(const auto rounded, MakePlan(request, loss, kNoLimit, /*has_device=*/true));
  EXPECT_EQ(rounded->gradients[0].computed.dtype, DType::kFloat64);
  EXPECT_EQ(rounded->gradients[1].computed.dtype, DType::kFloat16);
}

TEST(PlannerTest, WithADeviceRequestsOfOtherDtypesHaveOtherKeys) {
  const FakeLoss loss = LossWithParameters();
  std::vector<std::string> keys;
  for (const DType input : {DType::kFloat32, DType::kBFloat16}) {
    for (const std::optional<DType> gradient : {std::optional<DType>(), std::optional(DType::kFloat16)}) {
      ComputeSpec request = MakeRequest();
      request.inputs[1].dtype = input;
      request.gradients.dtype = gradient;
      ASSERT_OK_AND_ASSIGN(const auto plan, MakePlan(request, loss, kNoLimit, /*has_device=*/true));
      EXPECT_THAT(keys, ::testing::Not(::testing::Contains(plan->detail->batch_key)));
      keys.push_back(plan->detail->batch_key);
    }
  }
}

TEST(PlannerTest, NoneMeansNoGradients) {
  const FakeLoss loss;
  ComputeSpec request = MakeRequest();
  request.gradients.mode = GradientSelection::Mode::kNone;
  ASSERT_OK_AND_ASSIGN(const auto plan, MakePlan(request, loss, kNoLimit));
  EXPECT_THAT(plan->gradients, IsEmpty());
}

TEST(PlannerTest, NamedGradientsComeOnceInTheOrderOfInputsThenDerivedOnes) {
  const FakeLoss loss = LossWithParameters();
  ASSERT_OK_AND_ASSIGN(const auto plan, MakePlan(Named({"parameters.*", "b", "parameters.b"}), loss, kNoLimit));
  EXPECT_THAT(GradientNames(*plan), ElementsAre("b", "parameters.w", "parameters.b"));
  EXPECT_EQ(plan->gradients[2].source, 4);
}

TEST(PlannerTest, PrefixPassesOverIntegersButANameOfOneIsRefused) {
  const FakeLoss loss;
  ASSERT_OK_AND_ASSIGN(const auto plan, MakePlan(Named({"*"}), loss, kNoLimit));
  EXPECT_THAT(GradientNames(*plan), ElementsAre("a", "b"));
  EXPECT_THAT(MakePlan(Named({"n"}), loss, kNoLimit), StatusIs(kInvalid, HasSubstr("\"n\", which is INT32")));
}

TEST(PlannerTest, ConstantsHaveNoGradient) {
  FakeLoss loss;
  loss.constants = {true};  // "a".
  ComputeSpec request = MakeRequest();
  ASSERT_OK_AND_ASSIGN(const auto all, MakePlan(request, loss, kNoLimit));
  EXPECT_THAT(GradientNames(*all), ElementsAre("b"));
  EXPECT_THAT(MakePlan(Named({"a"}), loss, kNoLimit), StatusIs(kInvalid, HasSubstr("\"a\", which is constant")));
}

TEST(PlannerTest, RefusesNamesThatMatchNothingOrAreNotAskedFor) {
  const FakeLoss loss;
  EXPECT_THAT(MakePlan(Named({"a", "c.*"}), loss, kNoLimit),
              StatusIs(kInvalid, HasSubstr("gradients.names: expected names of floating inputs, got \"c.*\"")));
  EXPECT_THAT(MakePlan(Named({}), loss, kNoLimit), StatusIs(kInvalid, HasSubstr("at least one name")));
  ComputeSpec request = Named({"a"});
  request.gradients.mode = GradientSelection::Mode::kAll;
  EXPECT_THAT(MakePlan(request, loss, kNoLimit), StatusIs(kInvalid, HasSubstr("unless gradients.mode is MODE_NAMED")));
}

TEST(PlannerTest, GradientDtypeAndScaleAreChecked) {
  const FakeLoss loss;
  ComputeSpec request = MakeRequest();
  request.gradients.dtype = DType::kInt64;
  EXPECT_THAT(MakePlan(request, loss, kNoLimit), StatusIs(kInvalid, HasSubstr("gradients.dtype: expected a floating")));
  request.gradients.dtype = DType::kFloat16;
  request.gradients.scale = std::numeric_limits<double>::infinity();
  EXPECT_THAT(MakePlan(request, loss, kNoLimit), StatusIs(kInvalid, HasSubstr("gradients.scale: expected a finite")));
  request.gradients.scale = 2;
  ASSERT_OK_AND_ASSIGN(const auto plan, MakePlan(request, loss, kNoLimit));
  EXPECT_EQ(plan->gradients[0].spec.dtype, DType::kFloat16);
}

TEST(PlannerTest, ScaleThatFloat32CannotHoldIsRefusedWhereGradientsAreFloat32) {
  const FakeLoss loss;
  ComputeSpec request = MakeRequest();
  request.gradients.scale = -3.5e38;
  EXPECT_THAT(MakePlan(request, loss, kNoLimit),
              StatusIs(kInvalid,
                       "gradients.scale: expected at most 3.40282e+38 where gradients are computed in float32, "
                       "got -3.5e+38"));
  request.gradients.scale = 3.4e38;
  EXPECT_OK(MakePlan(request, loss, kNoLimit));
  request.gradients.scale = 1e300;
  request.gradients.mode = GradientSelection::Mode::kNone;
  EXPECT_OK(MakePlan(request, loss, kNoLimit));
  request.gradients.mode = GradientSelection::Mode::kAll;
  request.gradients.dtype = DType::kFloat64;
  ASSERT_OK_AND_ASSIGN(const auto widening, MakePlan(request, loss, kNoLimit));
  EXPECT_EQ(widening->widening_scale, 1e300);
  EXPECT_EQ(widening->request.gradients.scale, 1);
  request.inputs = {{"a", DType::kFloat64, {2}}};
  ASSERT_OK_AND_ASSIGN(const auto wide, MakePlan(request, loss, kNoLimit));
  EXPECT_EQ(wide->widening_scale, 1);
  EXPECT_EQ(wide->request.gradients.scale, 1e300);
}

// A thousand prefixes that match a thousand inputs each.
TEST(PlannerTest, ManyPrefixesOfManyInputsChooseEachOnce) {
  const FakeLoss loss;
  ComputeSpec request = Named(std::vector<std::string>(1024, "x.*"));
  request.inputs.clear();
  for (int i = 0; i < 1024; ++i) request.inputs.push_back({absl::StrCat("x.", i), DType::kFloat32, {1}});
  ASSERT_OK_AND_ASSIGN(const auto plan, MakePlan(request, loss, kNoLimit));
  ASSERT_EQ(plan->gradients.size(), 1024);
  EXPECT_EQ(plan->gradients[1023].spec.name, "x.1023");
}

TEST(PlannerTest, WorkspaceWhoseSumOverflowedIsTheLargestThereIs) {
  FakeLoss loss;
  loss.workspace_bytes = std::numeric_limits<int64_t>::min();
  ASSERT_OK_AND_ASSIGN(const auto plan, MakePlan(MakeRequest(), loss, kNoLimit));
  EXPECT_EQ(plan->bytes, std::numeric_limits<int64_t>::max());
}

TEST(PlannerTest, RefusesDuplicateNamesAndSizesThatOverflow) {
  const FakeLoss loss;
  ComputeSpec request = MakeRequest();
  request.inputs[1].name = "a";
  EXPECT_THAT(MakePlan(request, loss, kNoLimit),
              StatusIs(kInvalid, HasSubstr("inputs[a].name: expected each name once")));
  request = MakeRequest();
  request.inputs[1].shape = {int64_t{1} << 61};  // Fits as bfloat16, not as the float32 it is stored as.
  EXPECT_THAT(MakePlan(request, loss, kNoLimit), StatusIs(kInvalid, HasSubstr("inputs[b].shape")));
  request.inputs[1].dtype = DType::kUnspecified;
  EXPECT_THAT(MakePlan(request, loss, kNoLimit), StatusIs(kInvalid, HasSubstr("inputs[b].dtype")));
}

TEST(PlannerTest, ByteSumsSaturateInsteadOfOverflowing) {
  const FakeLoss loss;
  ComputeSpec request = MakeRequest();
  request.inputs = {{"a", DType::kFloat32, {int64_t{1} << 60}}, {"b", DType::kFloat32, {int64_t{1} << 60}}};
  request.gradients.dtype = DType::kFloat64;
  ASSERT_OK_AND_ASSIGN(const auto plan, MakePlan(request, loss, kNoLimit));
  EXPECT_EQ(plan->bytes, std::numeric_limits<int64_t>::max());
}

TEST(PlannerTest, BytesCountInputsOutputsGradientsAndWorkspace) {
  FakeLoss loss;
  loss.workspace_bytes = 1000;
  ComputeSpec request = MakeRequest();
  // a: 24 bytes stored; b: 16 stored, gradient 8 as bfloat16 and 16 as computed; n: 20; a's gradient 24; loss 4.
  ASSERT_OK_AND_ASSIGN(const auto plan, MakePlan(request, loss, kNoLimit));
  EXPECT_EQ(plan->bytes, 1000 + 24 + 16 + 20 + 4 + 24 + 8 + 16);
}

TEST(PlannerTest, TooMuchWorkIsRefusedWithLimitValueAndFlag) {
  FakeLoss loss;
  loss.flops = 2e14;
  const auto refused = MakePlan(MakeRequest(), loss, 1e14);
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted,
                                "expected at most 1e+14 floating-point operations a request, got an estimate of 2e+14 "
                                "(--max_request_flops)"));
  EXPECT_EQ(GetLimitViolation(refused.status())->reason, RejectReason::kFlops);
}

TEST(PlannerTest, ALossRefusingKeepsItsWords) {
  FakeLoss loss;
  loss.prepare_status = InvalidField("inputs[a]", "expected none");
  EXPECT_THAT(MakePlan(MakeRequest(), loss, kNoLimit), StatusIs(kInvalid, "inputs[a]: expected none"));
}

}  // namespace
}  // namespace lossd
