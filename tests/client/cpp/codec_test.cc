// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/codec.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lossd/v1/loss_service.pb.h"
#include "tests/support/status_matchers.h"

namespace lossd::client {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kNoLimit = int64_t{1} << 40;

std::vector<grpc::Slice> SlicesOf(const grpc::ByteBuffer& bytes) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(bytes.Dump(&slices).ok());
  return slices;
}

std::string Joined(const grpc::ByteBuffer& bytes) {
  std::string text;
  for (const grpc::Slice& slice : SlicesOf(bytes))
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return text;
}

grpc::ByteBuffer BytesOf(const std::string& text) {
  const grpc::Slice slice(text);
  return grpc::ByteBuffer(&slice, 1);
}

TEST(EncodeRequestTest, SendsPayloadsFromTheCallersMemory) {
  const std::vector<float> x(1 << 18, 1.5f), y(1 << 18, 2.5f);
  ComputeRequest request;
  request.loss = SquaredNorm{};
  request.inputs = {InputTensor::Borrow<float>("x.0", {1 << 18}, x),
                    InputTensor::Borrow<float>("x.1", {2, 1 << 17}, y)};
  PayloadHold hold;
  ASSERT_OK_AND_ASSIGN(const grpc::ByteBuffer bytes, EncodeRequest(request, kNoLimit, std::nullopt, hold));
  std::vector<const void*> places;
  for (const grpc::Slice& slice : SlicesOf(bytes)) places.push_back(slice.begin());
  EXPECT_THAT(places, ::testing::IsSupersetOf<const void*>({x.data(), y.data()}));
  v1::ComputeRequest message;
  ASSERT_TRUE(message.ParseFromString(Joined(bytes)));
  EXPECT_TRUE(message.loss().has_squared_norm());
  ASSERT_EQ(message.inputs_size(), 2);
  EXPECT_EQ(message.inputs(1).name(), "x.1");
  EXPECT_THAT(message.inputs(1).shape(), ElementsAre(2, 1 << 17));
  EXPECT_EQ(message.inputs(1).data(), std::string(reinterpret_cast<const char*>(y.data()), y.size() * 4));
}

TEST(EncodeRequestTest, SendsATimeoutOnlyWhereThereIsAnEnd) {
  ComputeRequest request;
  request.loss = SquaredNorm{};
  PayloadHold hold;
  const auto timeout_of = [&](absl::Duration timeout) {
    v1::ComputeRequest message;
    EXPECT_TRUE(message.ParseFromString(Joined(*EncodeRequest(request, kNoLimit, timeout, hold))));
    return message.options().has_timeout() ? std::optional(message.options().timeout().nanos()) : std::nullopt;
  };
  EXPECT_EQ(timeout_of(absl::Milliseconds(1)), 1'000'000);
  EXPECT_EQ(timeout_of(absl::InfiniteDuration()), std::nullopt) << "it has no nanoseconds that a server would take";
}

TEST(EncodeRequestTest, HoldsBorrowedMemoryAsLongAsTheBytesLive) {
  const std::vector<float> x(1 << 18);
  ComputeRequest request;
  request.inputs = {InputTensor::Borrow<float>("x.0", {1 << 18}, x)};
  PayloadHold hold;
  auto bytes = EncodeRequest(request, kNoLimit, std::nullopt, hold);
  ASSERT_OK(bytes);
  bool released = false;
  EXPECT_FALSE(hold.Release([&] { released = true; }));
  EXPECT_FALSE(released);
  bytes->Clear();
  EXPECT_TRUE(released);
}

TEST(EncodeRequestTest, KeepsOwnersInsteadWhereThereAreAny) {
  auto x = std::make_shared<const std::vector<float>>(1 << 18);
  const std::weak_ptr<const std::vector<float>> watch = x;
  ComputeRequest request;
  request.inputs = {InputTensor::Borrow<float>("x.0", {1 << 18}, *x)};
  request.inputs[0].owner = x;
  PayloadHold hold;
  auto bytes = EncodeRequest(request, kNoLimit, std::nullopt, hold);
  ASSERT_OK(bytes);
  EXPECT_TRUE(hold.Release([] {}));
  request = {};
  x.reset();
  EXPECT_FALSE(watch.expired());
  bytes->Clear();
  EXPECT_TRUE(watch.expired());
}

TEST(EncodeRequestTest, RefusesInputsOfTheWrongSize) {
  const std::vector<float> x(3);
  ComputeRequest request;
  request.inputs = {InputTensor::Borrow<float>("x.0", {2, 2}, x)};
  EXPECT_THAT(
      EncodeRequest(request, kNoLimit, std::nullopt, PayloadHold()),
      StatusIs(absl::StatusCode::kInvalidArgument, "inputs[x.0]: expected 16 bytes for [2, 2] of FLOAT32, got 12"));
  request.inputs[0].spec.shape = {-1};
  EXPECT_THAT(EncodeRequest(request, kNoLimit, std::nullopt, PayloadHold()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("inputs[x.0]: expected extents >= 0")));
}

TEST(EncodeRequestTest, RefusesMessagesBeyondTheLimit) {
  const std::vector<float> x(100);
  ComputeRequest request;
  request.inputs = {InputTensor::Borrow<float>("x.0", {100}, x)};
  EXPECT_THAT(
      EncodeRequest(request, 399, std::nullopt, PayloadHold()),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("exceeds 399 (ClientOptions.max_message_bytes)")));
}

TEST(DecodeAnswerTest, RefusesBytesThatAreNoResponse) {
  BufferPool pool(0);
  const std::vector<GradientTarget> targets;
  EXPECT_THAT(DecodeAnswer(BytesOf("\xff\xff\xff"), pool, [&](const std::string&) { return &targets; }),
              StatusIs(absl::StatusCode::kInternal));
}

TEST(DecodeAnswerTest, CopiesNothingForNobody) {
  v1::ComputeResponse message;
  message.set_request_id("late");
  BufferPool pool(0);
  ASSERT_OK_AND_ASSIGN(const Answer answer,
                       DecodeAnswer(BytesOf(message.SerializeAsString()), pool, [](const std::string&) {
                         return static_cast<const std::vector<GradientTarget>*>(nullptr);
                       }));
  EXPECT_EQ(answer.request_id, "late");
  EXPECT_THAT(answer.result, StatusIs(absl::StatusCode::kNotFound));
}

TEST(DecodeAnswerTest, ReadsTimingAndNonfiniteNames) {
  v1::ComputeResponse message;
  message.set_objective(-1.5);
  message.add_nonfinite("z");
  message.mutable_timing()->set_batch_requests(4);
  BufferPool pool(0);
  const std::vector<GradientTarget> targets;
  ASSERT_OK_AND_ASSIGN(const Answer answer, DecodeAnswer(BytesOf(message.SerializeAsString()), pool,
                                                         [&](const std::string&) { return &targets; }));
  ASSERT_OK(answer.result);
  EXPECT_EQ(answer.result->objective, -1.5);
  EXPECT_THAT(answer.result->nonfinite, ElementsAre("z"));
  EXPECT_EQ(answer.result->timing->batch_requests, 4);
}

}  // namespace
}  // namespace lossd::client
