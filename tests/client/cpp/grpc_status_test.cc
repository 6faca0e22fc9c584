// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/grpc_status.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd::client {
namespace {

using ::lossd::testing::StatusIs;

TEST(ToAbslStatusTest, KeepsCodeTextAndDetails) {
  EXPECT_OK(ToAbslStatus(grpc::Status::OK));
  const absl::Status status = ToAbslStatus(grpc::Status(grpc::StatusCode::OUT_OF_RANGE, "loss is inf", "bytes"));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kOutOfRange, "loss is inf"));
  EXPECT_EQ(status.GetPayload(kStatusDetailsUrl), absl::Cord("bytes"));
}

TEST(ToAbslStatusTest, SaysWhichOptionLimitsMessages) {
  EXPECT_THAT(
      ToAbslStatus(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "Received message larger than max (9 vs. 4)")),
      StatusIs(absl::StatusCode::kResourceExhausted,
               "Received message larger than max (9 vs. 4); a client's limit is "
               "ClientOptions.max_message_bytes"));
}

TEST(ToAbslStatusTest, TranslatesInBandStatuses) {
  google::rpc::Status message;
  EXPECT_OK(ToAbslStatus(message));
  message.set_code(14);
  message.set_message("draining");
  EXPECT_THAT(ToAbslStatus(message), StatusIs(absl::StatusCode::kUnavailable, "draining"));
  message.set_code(99);
  EXPECT_THAT(ToAbslStatus(message), StatusIs(absl::StatusCode::kUnknown));
}

}  // namespace
}  // namespace lossd::client
