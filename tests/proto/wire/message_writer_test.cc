// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/message_writer.h"

#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "lossd/v1/loss_service.pb.h"
#include "proto/wire/limits.h"
#include "tests/proto/wire/wire_bytes.h"

namespace lossd::wire {
namespace {

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
  writer.AppendTensor(15, {"x.0", DType::kUint8, {3}}, grpc::Slice("abc"));
  const EncodedMessage message = std::move(writer).Finish();
  EXPECT_EQ(Joined(message.slices), request.SerializeAsString());
  EXPECT_EQ(message.bytes, static_cast<int64_t>(request.ByteSizeLong()));
  EXPECT_EQ(message.payload_copies, 1);
}

TEST(MessageWriterTest, CopiesPayloadsUpToTheLimitAndRefersToLargerOnes) {
  for (const int64_t size : {kMaxInlinePayloadBytes, kMaxInlinePayloadBytes + 1}) {
    const std::string payload(static_cast<size_t>(size), 'p');
    MessageWriter writer;
    writer.AppendTensor(15, {"x.0", DType::kUint8, {size}},
                        grpc::Slice(payload.data(), payload.size(), grpc::Slice::STATIC_SLICE));
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

TEST(MessageWriterTest, ReleasesWhatItCopiedAtOnce) {
  auto owner = std::make_shared<std::string>("abc");
  const std::weak_ptr<std::string> watched = owner;
  MessageWriter writer;
  const std::byte* bytes = reinterpret_cast<const std::byte*>(owner->data());
  writer.AppendTensor(15, {"x.0", DType::kUint8, {3}}, SliceOver(bytes, 3, std::move(owner)));
  EXPECT_TRUE(watched.expired());
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
