// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/error_details.h"

#include "absl/strings/cord.h"
#include "client/cpp/grpc_status.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"

namespace lossd::client {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(DetailsOfTest, ReadsLimitsAndDelays) {
  google::rpc::Status message;
  message.set_code(8);
  google::rpc::QuotaFailure quota;
  quota.add_violations()->set_subject("--max_inflight_bytes");
  quota.mutable_violations(0)->set_description("2 GiB in flight");
  message.add_details()->PackFrom(quota);
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(1);
  retry.mutable_retry_delay()->set_nanos(500000000);
  message.add_details()->PackFrom(retry);
  message.add_details()->set_type_url("type.googleapis.com/something.Else");
  const ErrorDetails details = DetailsOf(ToAbslStatus(message));
  EXPECT_THAT(details.field_violations, IsEmpty());
  ASSERT_THAT(details.quota_violations, SizeIs(1));
  EXPECT_EQ(details.quota_violations[0].subject, "--max_inflight_bytes");
  EXPECT_EQ(details.quota_violations[0].description, "2 GiB in flight");
  EXPECT_EQ(details.retry_delay, absl::Milliseconds(1500));
}

TEST(DetailsOfTest, IsEmptyWhereThereIsNothingToRead) {
  EXPECT_THAT(DetailsOf(absl::OkStatus()).field_violations, IsEmpty());
  EXPECT_EQ(DetailsOf(absl::InternalError("x")).retry_delay, std::nullopt);
  absl::Status garbled = absl::InternalError("x");
  garbled.SetPayload(kStatusDetailsUrl, absl::Cord("\xff\xff"));
  EXPECT_THAT(DetailsOf(garbled).quota_violations, IsEmpty());
}

}  // namespace
}  // namespace lossd::client
