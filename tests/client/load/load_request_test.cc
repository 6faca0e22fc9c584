// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/load_request.h"

#include <algorithm>
#include <cmath>

#include "client/cpp/codec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lossd/v1/loss_service.pb.h"
#include "tests/client/load/load_fixture.h"

namespace lossd::load {
namespace {

using ::testing::ElementsAre;

v1::ComputeRequest Parsed(const grpc::ByteBuffer& message) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(message.Dump(&slices).ok());
  std::string bytes;
  for (const grpc::Slice& slice : slices) bytes.append(slice.begin(), slice.end());
  v1::ComputeRequest request;
  EXPECT_TRUE(request.ParseFromString(bytes));
  return request;
}

TEST(LoadRequestTest, MessagesShareTheBytesThatWereEncodedOnce) {
  const Tensor input = RandomTensor({"x.0", DType::kFloat32, {1000}}, 1);
  client::ComputeRequest request;
  request.loss = client::SquaredNorm{};
  request.inputs.push_back(client::InputTensor::Share(input));
  ASSERT_OK_AND_ASSIGN(const LoadRequest encoded, LoadRequest::Encode(request, std::nullopt));
  const auto longest = [](const std::vector<grpc::Slice>& slices) {
    return std::max_element(slices.begin(), slices.end(),
                            [](const auto& a, const auto& b) { return a.size() < b.size(); });
  };
  const uint8_t* const payload = longest(encoded.slices())->begin();
  for (const grpc::ByteBuffer& message : {encoded.Message(), encoded.Message(), encoded.Message("7")}) {
    std::vector<grpc::Slice> slices;
    ASSERT_TRUE(message.Dump(&slices).ok());
    EXPECT_EQ(longest(slices)->begin(), payload) << "copied, or encoded again";
    EXPECT_GE(longest(slices)->size(), 4000u);
  }
}

TEST(LoadRequestTest, ARequestIdGoesInFront) {
  const LoadRequest encoded = SmallEncodedRequest();
  EXPECT_EQ(Parsed(encoded.Message()).request_id(), "");
  const v1::ComputeRequest request = Parsed(encoded.Message("42"));
  EXPECT_EQ(request.request_id(), "42");
  EXPECT_EQ(request.inputs_size(), 1);
  EXPECT_EQ(encoded.bytes(), static_cast<int64_t>(encoded.Message().Length()));
}

std::vector<std::string> NamesOf(const client::LossSpec& loss, int maps) {
  std::vector<std::string> names;
  for (const TensorSpec& spec : InputsOfShape(loss, {2}, DType::kFloat32, maps)) names.push_back(spec.name);
  return names;
}

TEST(LoadRequestTest, EveryLossGetsTheInputsItNames) {
  EXPECT_THAT(NamesOf(client::FeatureMapContrastive{}, 2),
              ElementsAre("anchor.0", "anchor.1", "positive.0", "positive.1"));
  EXPECT_THAT(NamesOf(client::NtXent{}, 2), ElementsAre("out_1", "out_2"));
  EXPECT_THAT(NamesOf(client::Cpc{}, 2), ElementsAre("z"));
  EXPECT_THAT(NamesOf(client::SquaredNorm{}, 2), ElementsAre("x.0"));
}

TEST(LoadRequestTest, LabelsAreIntegersOfTheRows) {
  const auto specs = InputsOfShape(SupConConfig{}, {9, 4}, DType::kFloat32, 1);
  ASSERT_EQ(specs.size(), 2u);
  EXPECT_EQ(specs[1], (TensorSpec{"labels", DType::kInt64, {9}}));
}

TEST(LoadRequestTest, RandomTensorsAreNormalAndFollowTheSeed) {
  const TensorSpec spec = {"x", DType::kFloat64, {10000}};
  const Tensor first = RandomTensor(spec, 1), again = RandomTensor(spec, 1), other = RandomTensor(spec, 2);
  double sum = 0, squares = 0;
  int equal = 0;
  for (size_t i = 0; i < 10000; ++i) {
    const double x = first.elements<double>()[i];
    sum += x;
    squares += x * x;
    ASSERT_EQ(x, again.elements<double>()[i]);
    equal += x == other.elements<double>()[i];
  }
  EXPECT_NEAR(sum / 10000, 0, 0.05);
  EXPECT_NEAR(squares / 10000, 1, 0.1);
  EXPECT_EQ(equal, 0);
}

TEST(LoadRequestTest, IntegersAreDigits) {
  const Tensor tensor = RandomTensor({"x", DType::kInt32, {1000}}, 1);
  for (const int32_t digit : tensor.elements<int32_t>()) {
    EXPECT_GE(digit, 0);
    EXPECT_LE(digit, 9);
  }
}

TEST(LoadRequestTest, DrawsAreFixedUnlessTheCallerFixedThem) {
  const client::LossSpec fixed = WithFixedDraws(client::FeatureMapContrastive{}, 7);
  EXPECT_EQ(std::get<client::Seed>(std::get<client::FeatureMapContrastive>(fixed).sampling).torch_seed, 7u);
  client::FeatureMapContrastive own;
  own.sampling = client::Positions{{1, 2}};
  const client::LossSpec kept = WithFixedDraws(own, 7);
  EXPECT_THAT(std::get<client::Positions>(std::get<client::FeatureMapContrastive>(kept).sampling).values,
              ElementsAre(1, 2));
  EXPECT_TRUE(std::holds_alternative<client::NtXent>(WithFixedDraws(client::NtXent{}, 7)));
}

}  // namespace
}  // namespace lossd::load
