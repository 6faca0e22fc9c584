// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/message_writer.h"

#include <memory>
#include <random>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "lossd/v1/loss_service.pb.h"
#include "proto/wire/limits.h"
#include "tests/proto/wire/wire_bytes.h"

namespace lossd::wire {
namespace {

const std::byte* Bytes(const std::string& text) { return reinterpret_cast<const std::byte*>(text.data()); }

// `payload` outlives the message.
void AppendTensor(MessageWriter& writer, const TensorSpec& spec, const std::string& payload) {
  writer.AppendTensor(15, spec, absl::MakeConstSpan(Bytes(payload), payload.size()),
                      [&] { return grpc::Slice(payload.data(), payload.size(), grpc::Slice::STATIC_SLICE); });
}

TEST(MessageWriterTest, WritesWhatProtobufWrites) {
  v1::ComputeRequest request;
  request.set_request_id("id");
  MessageWriter writer;
  writer.AppendFields(request);
  v1::Tensor* input = request.add_inputs();
  input->set_name("x.0");
  input->set_dtype(v1::DTYPE_UINT8);
  input->add_shape(3);
  input->set_data("abc");
  AppendTensor(writer, {"x.0", DType::kUint8, {3}}, "abc");
  const EncodedMessage message = std::move(writer).Finish();
  EXPECT_EQ(Joined(message.slices), request.SerializeAsString());
  EXPECT_EQ(message.bytes, static_cast<int64_t>(request.ByteSizeLong()));
  EXPECT_EQ(message.payload_copies, 1);
}

TEST(MessageWriterTest, CopiesPayloadsUpToTheLimitAndRefersToLargerOnes) {
  for (const int64_t size : {kMaxInlinePayloadBytes, kMaxInlinePayloadBytes + 1}) {
    const std::string payload(static_cast<size_t>(size), 'p');
    MessageWriter writer;
    AppendTensor(writer, {"x.0", DType::kUint8, {size}}, payload);
    const EncodedMessage message = std::move(writer).Finish();
    const bool referred = size > kMaxInlinePayloadBytes;
    EXPECT_EQ(message.payload_copies, referred ? 0 : 1);
    ASSERT_EQ(message.slices.size(), referred ? 2u : 1u);
    EXPECT_EQ(reinterpret_cast<const char*>(message.slices.back().begin()) == payload.data(), referred);
    v1::ComputeRequest stock;
    ASSERT_TRUE(stock.ParseFromString(Joined(message.slices)));
    EXPECT_EQ(stock.inputs(0).data(), payload);
  }
}

// Lengths of one, two and more bytes in every field; nothing written where proto3 writes nothing.
TEST(MessageWriterTest, WritesTensorsAsProtobufDoes) {
  std::mt19937 random(1);
  const auto below = [&](size_t end) { return random() % end; };
  for (int i = 0; i < 2000; ++i) {
    TensorSpec spec;
    spec.name = std::string(below(2) * below(300), 'n');
    spec.dtype = static_cast<DType>(below(8));
    for (size_t rank = below(9); rank > 0; --rank) spec.shape.push_back(static_cast<int64_t>(random()) >> below(32));
    const std::string payload(below(2) * below(20'000), 'p');
    v1::ComputeRequest request;
    v1::Tensor* const stock = request.add_inputs();
    stock->set_name(spec.name);
    stock->set_dtype(static_cast<v1::Dtype>(spec.dtype));
    stock->mutable_shape()->Add(spec.shape.begin(), spec.shape.end());
    stock->set_data(payload);
    MessageWriter writer;
    AppendTensor(writer, spec, payload);
    const EncodedMessage message = std::move(writer).Finish();
    ASSERT_EQ(Joined(message.slices), request.SerializeAsString());
    ASSERT_EQ(message.bytes, static_cast<int64_t>(request.ByteSizeLong()));
  }
}

TEST(MessageWriterTest, AsksForNoSliceOverWhatItCopies) {
  const std::string payload = "abc";
  MessageWriter writer;
  writer.AppendTensor(15, {"x.0", DType::kUint8, {3}}, absl::MakeConstSpan(Bytes(payload), payload.size()), [] {
    ADD_FAILURE();
    return grpc::Slice();
  });
}

TEST(MessageWriterTest, WritesNothingForNothing) {
  MessageWriter writer;
  writer.AppendFields(v1::ComputeRequest());
  const EncodedMessage message = std::move(writer).Finish();
  EXPECT_TRUE(message.slices.empty());
  EXPECT_EQ(message.bytes, 0);
}

TEST(SliceOverTest, KeepsTheOwnerUntilTheLastReferenceIsDropped) {
  auto owner = std::make_shared<std::string>(100, 'x');
  const std::weak_ptr<std::string> watched = owner;
  const std::byte* bytes = reinterpret_cast<const std::byte*>(owner->data());
  grpc::Slice first = SliceOver(bytes, 100, std::move(owner));
  grpc::Slice second = first;
  first = grpc::Slice();
  EXPECT_FALSE(watched.expired());
  second = grpc::Slice();
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace lossd::wire
