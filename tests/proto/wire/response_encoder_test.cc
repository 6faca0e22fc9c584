// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/response_encoder.h"

#include <cstring>
#include <string>
#include <vector>

#include "core/tensor/buffer_pool.h"
#include "google/protobuf/util/message_differencer.h"
#include "grpcpp/support/byte_buffer.h"
#include "gtest/gtest.h"
#include "tests/proto/wire/wire_bytes.h"

namespace lossd::wire {
namespace {

// A FLOAT16 tensor of `count` elements, filled with a pattern, from byte `offset` of its buffer on.
Tensor MakeTensor(const std::string& name, int64_t count, BufferPool& pool, size_t offset = 0) {
  const TensorSpec spec = {name, DType::kFloat16, {count}};
  Tensor tensor(spec, pool.Allocate(offset + static_cast<size_t>(ByteSize(spec))), offset);
  for (int64_t i = 0; i < tensor.byte_size(); ++i) tensor.bytes()[i] = static_cast<std::byte>(i * 7);
  return tensor;
}

v1::ComputeResponse MakeHeader() {
  v1::ComputeResponse header;
  header.set_request_id("r7");
  header.set_objective(1.5);
  header.mutable_timing()->mutable_queue()->set_nanos(5);
  header.add_nonfinite("anchor.0");
  header.mutable_status()->set_code(3);
  header.mutable_status()->add_details()->set_type_url("type.googleapis.com/google.rpc.BadRequest");
  return header;
}

void AddStock(const Tensor& tensor, v1::Tensor* stock) {
  stock->set_name(tensor.spec().name);
  stock->set_dtype(static_cast<v1::Dtype>(tensor.spec().dtype));
  for (int64_t extent : tensor.spec().shape) stock->add_shape(extent);
  stock->set_data(reinterpret_cast<const char*>(tensor.bytes()), static_cast<size_t>(tensor.byte_size()));
}

TEST(EncodeResponseTest, IsReadByStockProtobuf) {
  BufferPool pool(0);
  const std::vector<Tensor> outputs = {MakeTensor("losses", 3, pool), MakeTensor("empty", 0, pool)};
  const std::vector<Tensor> gradients = {MakeTensor("anchor.0", 100'000, pool, 128), MakeTensor("anchor.1", 5, pool)};
  const EncodedMessage message = EncodeResponse(MakeHeader(), outputs, gradients);

  v1::ComputeResponse expected = MakeHeader();
  for (const Tensor& tensor : outputs) AddStock(tensor, expected.add_outputs());
  for (const Tensor& tensor : gradients) AddStock(tensor, expected.add_gradients());
  v1::ComputeResponse parsed;
  ASSERT_TRUE(parsed.ParseFromString(Joined(message.slices)));
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(parsed, expected));
  EXPECT_EQ(message.bytes, static_cast<int64_t>(expected.ByteSizeLong()));
  EXPECT_EQ(message.payload_copies, 2);
}

TEST(EncodeResponseTest, RefersToLargePayloadsWhereTheyLie) {
  BufferPool pool(0);
  const Tensor gradient = MakeTensor("z", 100'000, pool, 64);
  const EncodedMessage message = EncodeResponse({}, {}, {gradient});
  EXPECT_EQ(message.payload_copies, 0);
  ASSERT_EQ(message.slices.size(), 2u);
  EXPECT_EQ(message.slices[1].begin(), reinterpret_cast<const uint8_t*>(gradient.bytes()));
}

TEST(EncodeResponseTest, GivesBuffersBackWhenTheTransportDropsTheSlices) {
  BufferPool pool(1 << 20);
  std::vector<Tensor> gradients = {MakeTensor("large", 100'000, pool), MakeTensor("small", 5, pool)};
  EncodedMessage message = EncodeResponse(MakeHeader(), {}, gradients);
  const size_t large = gradients[0].buffer().capacity();
  gradients.clear();
  EXPECT_EQ(pool.live_bytes(), large);
  {
    grpc::ByteBuffer transport(message.slices.data(), message.slices.size());
    message.slices.clear();
    EXPECT_EQ(pool.live_bytes(), large);
  }
  EXPECT_EQ(pool.live_bytes(), 0u);
}

TEST(EncodeResponseTest, LetsSlicesOutliveThePool) {
  EncodedMessage message;
  {
    BufferPool pool(0);
    message = EncodeResponse({}, {}, {MakeTensor("z", 100'000, pool)});
  }
  EXPECT_EQ(message.slices[1].begin()[1], 7);
}

}  // namespace
}  // namespace lossd::wire
