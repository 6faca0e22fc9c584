// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/conformance/expectations.h"

#include <limits>
#include <utility>

#include "client/cpp/grpc_status.h"
#include "core/tensor/buffer_pool.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd::conformance {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

class CheckTest : public ::testing::Test {
 protected:
  // An answer with one gradient of an input, both `elements`.
  client::ComputeResponse Answer(std::vector<float> elements) {
    elements_ = std::move(elements);
    client::ComputeResponse response;
    response.objective = 2;
    response.gradients.emplace_back(TensorSpec{"x.0", DType::kFloat32, {static_cast<int64_t>(elements_.size())}},
                                    reinterpret_cast<std::byte*>(elements_.data()));
    message_.request.inputs = {{{"x.0", DType::kFloat32, {static_cast<int64_t>(elements_.size())}}, {}, nullptr}};
    message_.payloads = {std::string(reinterpret_cast<const char*>(elements_.data()), 4 * elements_.size())};
    return response;
  }
  absl::Status Checked(const absl::StatusOr<client::ComputeResponse>& got, nlohmann::json expect) {
    message_.expect = std::move(expect);
    return Check(got, message_);
  }
  // What `expect.gradients` says of the one gradient.
  static nlohmann::json Gradient(nlohmann::json tensor) {
    return {{"gradients", nlohmann::json::array({std::move(tensor)})}};
  }

  CaseMessage message_;

 private:
  std::vector<float> elements_;
};

TEST_F(CheckTest, WhatIsAsExpectedPasses) {
  const auto answer = Answer({1, kNan});
  EXPECT_OK(
      Checked(answer, {{"objective", {{"value", 2.1}, {"tolerance", 0.2}}}, {"nonfinite", nlohmann::json::array()}}));
  EXPECT_OK(Checked(
      answer,
      Gradient({{"name", "x.0"}, {"dtype", "FLOAT32"}, {"shape", {2}}, {"values", {1.5, "nan"}}, {"tolerance", 0.5}})));
  EXPECT_OK(Checked(answer, Gradient({{"name", "x.0"}, {"equals_input", "x.0"}})));
}

TEST_F(CheckTest, WhatIsNotIsTold) {
  const auto answer = Answer({1, 2});
  const auto told = [&](nlohmann::json expect, const std::string& text) {
    EXPECT_THAT(Checked(answer, std::move(expect)), StatusIs(absl::StatusCode::kUnknown, HasSubstr(text)));
  };
  told({{"objective", {{"value", 2.1}, {"tolerance", 0.05}}}}, "objective: expected 2.1, got 2");
  told({{"nonfinite", {"x.0"}}}, "nonfinite: expected");
  told({{"gradients", nlohmann::json::array()}}, "gradients: expected 0, got 1");
  told({{"outputs", nlohmann::json::array({{{"name", "loss"}}})}}, "outputs: expected 1, got 0");
  told(Gradient({{"name", "x.1"}}), "expected x.1, got x.0");
  told(Gradient({{"name", "x.0"}, {"dtype", "FLOAT64"}}), "x.0.dtype");
  told(Gradient({{"name", "x.0"}, {"shape", {1, 2}}}), "x.0.shape");
  told(Gradient({{"name", "x.0"}, {"values", {1}}, {"tolerance", 0}}), "expected 1 elements, got 2");
  told(Gradient({{"name", "x.0"}, {"values", {1, 3}}, {"tolerance", 0.5}}), "element 1: expected 3, got 2");
  told({{"error", {{"code", {"INTERNAL"}}}}}, "expected an error, got an answer");
  message_.payloads[0][0] ^= 1;
  told(Gradient({{"name", "x.0"}, {"equals_input", "x.0"}}), "expected the bytes of its input");
}

TEST_F(CheckTest, ErrorsAreComparedInAllTheySay) {
  google::rpc::BadRequest fields;
  fields.add_field_violations()->set_field("inputs[x.0].shape");
  google::rpc::Status status;
  status.set_code(3);
  status.set_message("Inputs differ");
  status.add_details()->PackFrom(fields);
  const absl::Status got = client::ToAbslStatus(status);
  const auto checked = [&](nlohmann::json error) { return Checked(got, {{"error", std::move(error)}}); };
  EXPECT_OK(checked({{"code", {"INVALID_ARGUMENT", "INTERNAL"}},
                     {"field", "inputs[x.0].shape"},
                     {"quota", false},
                     {"retry_delay", false},
                     {"origin", "server"},
                     {"text", {"inputs DIFFER"}}}));
  const auto fails = [&](nlohmann::json error) {
    error["code"] = error.value("code", nlohmann::json::array({"INVALID_ARGUMENT"}));
    EXPECT_THAT(checked(error), StatusIs(absl::StatusCode::kUnknown)) << error;
  };
  fails({{"code", {"INTERNAL"}}});
  fails({{"field", "inputs[x.0]"}});
  fails({{"quota", true}});
  fails({{"retry_delay", true}});
  fails({{"origin", "client"}});
  fails({{"text", {"shape"}}});
  EXPECT_THAT(Checked(got, {{"nonfinite", nlohmann::json::array()}}),
              StatusIs(absl::StatusCode::kUnknown, HasSubstr("expected an answer, got")));
}

}  // namespace
}  // namespace lossd::conformance
