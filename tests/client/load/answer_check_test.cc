// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/answer_check.h"

#include <cstring>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lossd/v1/loss_service.pb.h"
#include "tests/support/status_matchers.h"

namespace lossd::load {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::HasSubstr;

const std::vector<float>& Elements() {
  static const auto& elements = *new std::vector<float>{3, 4};
  return elements;
}

std::string Bytes(const std::vector<float>& elements) {
  return {reinterpret_cast<const char*>(elements.data()), elements.size() * sizeof(float)};
}

// Half of 3² + 4², whose gradient is [3, 4].
v1::ComputeResponse RightAnswer() {
  v1::ComputeResponse response;
  response.set_objective(12.5);
  v1::Tensor& loss = *response.add_outputs();
  loss.set_name("loss");
  loss.set_dtype(v1::DTYPE_FLOAT32);
  loss.set_data(Bytes({12.5f}));
  v1::Tensor& gradient = *response.add_gradients();
  gradient.set_name("x.0");
  gradient.set_dtype(v1::DTYPE_FLOAT32);
  gradient.add_shape(2);
  gradient.set_data(Bytes(Elements()));
  return response;
}

grpc::ByteBuffer Encoded(const v1::ComputeResponse& response) {
  const grpc::Slice slice(response.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

std::unique_ptr<AnswerCheck> MakeCheck(int64_t every) {
  client::ComputeRequest request;
  request.loss = client::SquaredNorm{};
  request.inputs.push_back(client::InputTensor::Borrow<float>("x.0", {2}, Elements()));
  request.inputs.back().owner = std::make_shared<int>();
  auto encoded = LoadRequest::Encode(request, std::nullopt);
  EXPECT_OK(encoded.status());
  auto check = AnswerCheck::Create(request, *encoded, every);
  EXPECT_OK(check.status());
  return *std::move(check);
}

TEST(AnswerCheckTest, AcceptsWhatIsComputedHere) { EXPECT_OK(MakeCheck(1)->Compare(Encoded(RightAnswer()))); }

TEST(AnswerCheckTest, SeesEveryDifference) {
  const auto check = MakeCheck(1);
  v1::ComputeResponse wrong = RightAnswer();
  wrong.set_objective(12.500000000000002);
  EXPECT_THAT(check->Compare(Encoded(wrong)), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("objective")));
  wrong = RightAnswer();
  wrong.mutable_outputs(0)->set_data(Bytes({12.6f}));
  EXPECT_THAT(check->Compare(Encoded(wrong)), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("outputs[loss]")));
  wrong = RightAnswer();
  (*wrong.mutable_gradients(0)->mutable_data())[7] ^= 1;
  EXPECT_THAT(check->Compare(Encoded(wrong)), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("gradients[x.0]")));
  wrong = RightAnswer();
  wrong.mutable_gradients(0)->set_name("x.1");
  EXPECT_THAT(check->Compare(Encoded(wrong)), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("gradients[x.0]")));
  wrong = RightAnswer();
  wrong.clear_gradients();
  EXPECT_THAT(check->Compare(Encoded(wrong)), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("got 0")));
}

TEST(AnswerCheckTest, SamplesOneOfSoMany) {
  const auto check = MakeCheck(3);
  v1::ComputeResponse wrong = RightAnswer();
  wrong.set_objective(0);
  std::vector<CallOutcome::Check> checks;
  for (int i = 0; i < 4; ++i) checks.push_back(check->Sample(Encoded(wrong)));
  using enum CallOutcome::Check;
  EXPECT_THAT(checks, ::testing::ElementsAre(kDifferent, kNone, kNone, kDifferent));
}

}  // namespace
}  // namespace lossd::load
