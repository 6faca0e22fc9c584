// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/compute/request_conversion.h"

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
