// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/conformance/case_message.h"

#include <cstring>

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lossd/v1/loss_service.pb.h"
#include "tests/support/status_matchers.h"

namespace lossd::conformance {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::SizeIs;

nlohmann::json Described(const v1::ComputeRequest& request, const nlohmann::json& inputs) {
  return {{"request_binary", absl::Base64Escape(request.SerializeAsString())},
          {"inputs", inputs},
          {"expect", {{"nonfinite", nlohmann::json::array()}}}};
}

v1::ComputeRequest NtXentRequest() {
  v1::ComputeRequest request;
  request.set_request_id("a");
  request.mutable_loss()->mutable_nt_xent()->set_temperature(0.25);
  return request;
}

nlohmann::json Filled(const std::string& dtype) {
  return {{"name", "x.0"},
          {"dtype", dtype},
          {"shape", {2, 2}},
          {"fill", {{"step", 3}, {"modulus", 4}, {"offset", -1}, {"scale", 0.5}}}};  // -0.5, 1, 0.5, 0.
}

template <typename T>
std::vector<T> ElementsOf(const std::string& payload) {
  std::vector<T> elements(payload.size() / sizeof(T));
  std::memcpy(elements.data(), payload.data(), payload.size());
  return elements;
}

template <typename T>
std::vector<T> FilledElements(const std::string& dtype) {
  const auto message = MakeMessage(Described(NtXentRequest(), nlohmann::json::array({Filled(dtype)})));
  EXPECT_OK(message);
  return ElementsOf<T>(message->payloads.at(0));
}

TEST(MakeMessageTest, TakesTheRequestAsTheClientHasIt) {
  v1::ComputeRequest request = NtXentRequest();
  request.mutable_gradients()->set_mode(v1::GradientOptions::MODE_NAMED);
  request.mutable_gradients()->add_names("out_2");
  request.mutable_gradients()->set_dtype(v1::DTYPE_BFLOAT16);
  request.mutable_gradients()->set_scale(8);
  request.mutable_options()->set_nonfinite_policy(v1::ComputeOptions::NONFINITE_POLICY_REJECT);
  request.mutable_options()->set_timing(true);
  request.mutable_options()->mutable_timeout()->set_nanos(300'000'000);
  ASSERT_OK_AND_ASSIGN(const CaseMessage message, MakeMessage(Described(request, nlohmann::json::array())));
  EXPECT_EQ(message.request.request_id, "a");
  ASSERT_NE(std::get_if<client::NtXent>(&message.request.loss), nullptr);
  EXPECT_EQ(std::get<client::NtXent>(message.request.loss).temperature, 0.25);
  EXPECT_EQ(message.request.gradients.mode, client::GradientOptions::Mode::kNamed);
  EXPECT_THAT(message.request.gradients.names, ElementsAre("out_2"));
  EXPECT_EQ(message.request.gradients.dtype, DType::kBFloat16);
  EXPECT_EQ(message.request.gradients.scale, 8);
  EXPECT_EQ(message.request.nonfinite_policy, client::NonfinitePolicy::kReject);
  EXPECT_TRUE(message.request.timing);
  EXPECT_EQ(message.request.timeout, absl::Milliseconds(300));
  EXPECT_TRUE(message.expect.contains("nonfinite"));
}

TEST(MakeMessageTest, InputsLieInTheMessage) {
  const float elements[] = {1.5f, -2};
  const std::string bytes(reinterpret_cast<const char*>(elements), sizeof(elements));
  const nlohmann::json input = {
      {"name", "out_1"}, {"dtype", "FLOAT32"}, {"shape", {1, 2}}, {"data", absl::Base64Escape(bytes)}};
  ASSERT_OK_AND_ASSIGN(const CaseMessage message,
                       MakeMessage(Described(NtXentRequest(), nlohmann::json::array({input}))));
  const client::ComputeRequest request = message.Request();
  ASSERT_THAT(request.inputs, SizeIs(1));
  EXPECT_EQ(request.inputs[0].spec.name, "out_1");
  EXPECT_EQ(request.inputs[0].spec.dtype, DType::kFloat32);
  EXPECT_THAT(request.inputs[0].spec.shape, ElementsAre(1, 2));
  EXPECT_EQ(static_cast<const void*>(request.inputs[0].bytes.data()), message.payloads[0].data());
  EXPECT_EQ(message.payloads[0], bytes);
}

TEST(MakeMessageTest, FillsInEveryDtype) {
  const std::vector<double> values = {-0.5, 1, 0.5, 0};
  EXPECT_THAT(FilledElements<float>("FLOAT32"), ElementsAreArray(values));
  EXPECT_THAT(FilledElements<double>("FLOAT64"), ElementsAreArray(values));
  EXPECT_THAT(FilledElements<uint16_t>("FLOAT16"), ElementsAre(0xb800, 0x3c00, 0x3800, 0));
  EXPECT_THAT(FilledElements<uint16_t>("BFLOAT16"), ElementsAre(0xbf00, 0x3f80, 0x3f00, 0));
  EXPECT_THAT(FilledElements<int32_t>("INT32"), ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(FilledElements<int64_t>("INT64"), ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(FilledElements<uint8_t>("UINT8"), ElementsAre(0, 1, 0, 0));
}

TEST(MakeMessageTest, SaysWhatTheClientCannot) {
  v1::ComputeRequest unknown;
  unknown.mutable_loss()->ParseFromString(std::string("\xba\x3e\x00", 3));  // Field 999.
  EXPECT_THAT(MakeMessage(Described(unknown, nlohmann::json::array())),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("expected a loss")));
  EXPECT_THAT(MakeMessage(Described(NtXentRequest(), nlohmann::json::array({Filled("COMPLEX64")}))),
              StatusIs(absl::StatusCode::kUnimplemented, "dtype: expected a known one, got COMPLEX64"));
  nlohmann::json garbled = Described(NtXentRequest(), nlohmann::json::array());
  garbled["request_binary"] = absl::Base64Escape("\xff\xff");
  EXPECT_THAT(MakeMessage(garbled), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("request_binary")));
}

}  // namespace
}  // namespace lossd::conformance
