// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/message_splitter.h"

#include <string>
#include <utility>
#include <vector>

#include "google/protobuf/stubs/logging.h"
#include "gtest/gtest.h"
#include "lossd/v1/loss_service.pb.h"
#include "tests/proto/wire/wire_bytes.h"
#include "tests/support/status_matchers.h"

namespace lossd::wire {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(SplitMessageTest, GivesTensorsToTheirDecodersAndReturnsTheRestInOrder) {
  const std::string bytes = BytesField(1, "id") + BytesField(3, TensorBytes("out", 7, {1}, "a")) + VarintField(99, 5) +
                            BytesField(15, TensorBytes("grad", 7, {1}, "b")) + VarintField(15, 7);
  const std::vector<grpc::Slice> slices = Cut(bytes, 4);
  HeaderBudget budget;
  TensorDecoder outputs("outputs", 9, &budget), gradients("gradients", 9, &budget);
  const TensorField fields[] = {{3, &outputs}, {15, &gradients}};
  std::vector<uint32_t> inspected;
  ASSERT_OK_AND_ASSIGN(const std::string rest, SplitMessage(Reader(slices), fields, &budget, [&](const Field& field) {
                         inspected.push_back(field.number);
                         return absl::OkStatus();
                       }));
  EXPECT_EQ(rest, BytesField(1, "id") + VarintField(99, 5) + VarintField(15, 7));
  EXPECT_THAT(inspected, ElementsAre(1, 99, 15));
  EXPECT_EQ(outputs.size(), 1);
  EXPECT_EQ(std::move(gradients).Take().specs[0].name, "grad");
}

TEST(SplitMessageTest, StopsWhereInspectionFails) {
  const std::vector<grpc::Slice> slices = Cut(BytesField(1, "id") + "\x0f", 4);
  HeaderBudget budget;
  EXPECT_THAT(SplitMessage(Reader(slices), {}, &budget, [](const Field&) { return absl::AbortedError("seen"); }),
              StatusIs(absl::StatusCode::kAborted));
}

TEST(ParseHeaderTest, NamesTheFieldThatProtobufRefuses) {
  const google::protobuf::LogSilencer silencer;
  v1::ComputeRequest header;
  EXPECT_OK(ParseHeader(BytesField(1, "id"), &header));
  EXPECT_EQ(header.request_id(), "id");
  EXPECT_THAT(ParseHeader(BytesField(1, "id") + BytesField(6, "\x0f"), &header),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("options: malformed: expected a field of lossd.v1.ComputeRequest")));
}

TEST(ParseHeaderTest, LooksForTheFieldThatProtobufRefusesOnlyAmongTheFirst) {
  const google::protobuf::LogSilencer silencer;
  std::string bytes;
  for (int i = 0; i < kMaxFieldsProbed; ++i) bytes += BytesField(6, "");
  bytes += BytesField(6, "\x0f");
  v1::ComputeRequest header;
  EXPECT_THAT(ParseHeader(bytes, &header), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("message: malf")));
  EXPECT_THAT(ParseHeader(bytes.substr(2), &header),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("options: malf")));
}

}  // namespace
}  // namespace lossd::wire
