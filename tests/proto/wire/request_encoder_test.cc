// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/request_encoder.h"

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proto/wire/payload.h"
#include "proto/wire/request_decoder.h"
#include "tests/proto/wire/wire_bytes.h"
#include "tests/support/status_matchers.h"

namespace lossd::wire {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::HasSubstr;

const std::byte* BytesOf(const std::string& text) { return reinterpret_cast<const std::byte*>(text.data()); }

TEST(EncodeRequestTest, IsReadByTheDecoderAndByProtobuf) {
  v1::ComputeRequest header;
  header.set_request_id("r7");
  header.mutable_loss()->mutable_nt_xent()->set_temperature(0.25);
  const std::string large(100'000, 'l'), small = "small";
  const std::vector<BorrowedTensor> inputs = {{{"x.0", DType::kUint8, {100'000}}, BytesOf(large), nullptr},
                                              {{"x.1", DType::kUint8, {5}}, BytesOf(small), nullptr},
                                              {{"x.2", DType::kFloat32, {0, 3}}, nullptr, nullptr}};
  ASSERT_OK_AND_ASSIGN(const EncodedMessage message, EncodeRequest(header, inputs));
  EXPECT_EQ(message.payload_copies, 1);

  ASSERT_OK_AND_ASSIGN(const DecodedRequest decoded, DecodeRequest(message.slices));
  EXPECT_EQ(decoded.header.SerializeAsString(), header.SerializeAsString());
  ASSERT_EQ(decoded.specs.size(), inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) EXPECT_EQ(decoded.specs[i], inputs[i].spec);
  std::string copied(small.size(), '\0');
  CopyPayload(message.slices, decoded.payloads[1], reinterpret_cast<std::byte*>(copied.data()));
  EXPECT_EQ(copied, small);

  v1::ComputeRequest stock;
  ASSERT_TRUE(stock.ParseFromString(Joined(message.slices)));
  EXPECT_EQ(stock.inputs(0).data(), large);
  EXPECT_EQ(stock.SerializeAsString(), Joined(message.slices));
}

TEST(EncodeRequestTest, RefersToTheCallersMemory) {
  const std::string large(100'000, 'l');
  ASSERT_OK_AND_ASSIGN(const EncodedMessage message,
                       EncodeRequest({}, {{{"x.0", DType::kUint8, {100'000}}, BytesOf(large), nullptr}}));
  EXPECT_EQ(reinterpret_cast<const char*>(message.slices.back().begin()), large.data());
}

TEST(EncodeRequestTest, KeepsTheOwnerWhileASliceLives) {
  auto owner = std::make_shared<const std::string>(100'000, 'l');
  const std::weak_ptr<const std::string> watched = owner;
  BorrowedTensor input = {{"x.0", DType::kUint8, {100'000}}, BytesOf(*owner), owner};
  absl::StatusOr<EncodedMessage> message = EncodeRequest({}, {input});
  ASSERT_OK(message);
  owner.reset();
  input.owner.reset();
  EXPECT_FALSE(watched.expired());
  message->slices.clear();
  EXPECT_TRUE(watched.expired());
}

TEST(EncodeRequestTest, RefusesWhatHasNoSizeOrCannotBeCarried) {
  EXPECT_THAT(EncodeRequest({}, {{{"x.0", DType::kFloat32, {-1}}, nullptr, nullptr}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("inputs[x.0]: expected extents >= 0")));
  EXPECT_THAT(EncodeRequest({}, {{{"", DType::kUnspecified, {1}}, nullptr, nullptr}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("inputs[0]: dtype is not set")));
  EXPECT_THAT(EncodeRequest({}, {{{"x.0", DType::kUint8, {int64_t{1} << 31}}, nullptr, nullptr}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("inputs[x.0].data: expected at most")));
}

}  // namespace
}  // namespace lossd::wire
