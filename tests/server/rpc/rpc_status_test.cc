// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/rpc_status.h"

#include "core/status/errors.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

using ::testing::EndsWith;

template <typename Details>
Details DetailsAt(const google::rpc::Status& status, int index) {
  Details details;
  EXPECT_LT(index, status.details_size());
  EXPECT_TRUE(status.details(index).UnpackTo(&details)) << status.DebugString();
  return details;
}

TEST(RpcStatusTest, FieldBecomesABadRequest) {
  const auto status = ToRpcStatus(InvalidField("inputs[x.0].shape", "expected [2], got [3]"), "id");
  EXPECT_EQ(status.code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.message(), "inputs[x.0].shape: expected [2], got [3]");
  ASSERT_EQ(status.details_size(), 1);
  const auto details = DetailsAt<google::rpc::BadRequest>(status, 0);
  ASSERT_EQ(details.field_violations_size(), 1);
  EXPECT_EQ(details.field_violations(0).field(), "inputs[x.0].shape");
  EXPECT_EQ(details.field_violations(0).description(), "expected [2], got [3]");
}

TEST(RpcStatusTest, LimitThatPassesBecomesQuotaFailureAndRetryInfo) {
  const absl::Status limit =
      LimitExceeded({RejectReason::kInflightBytes, "--max_inflight_bytes", "too much", absl::Milliseconds(1500)});
  EXPECT_EQ(RetryDelay(limit), absl::Milliseconds(1500));
  const auto status = ToRpcStatus(limit, "id");
  ASSERT_EQ(status.details_size(), 2);
  EXPECT_EQ(DetailsAt<google::rpc::QuotaFailure>(status, 0).violations(0).subject(), "--max_inflight_bytes");
  const auto retry = DetailsAt<google::rpc::RetryInfo>(status, 1).retry_delay();
  EXPECT_EQ(retry.seconds(), 1);
  EXPECT_EQ(retry.nanos(), 500'000'000);
}

TEST(RpcStatusTest, LimitThatStaysHasNoRetryInfo) {
  const absl::Status limit = LimitExceeded({RejectReason::kFlops, "--max_request_flops", "too much", std::nullopt});
  EXPECT_EQ(RetryDelay(limit), std::nullopt);
  EXPECT_EQ(ToRpcStatus(limit, "id").details_size(), 1);
}

TEST(RpcStatusTest, DrainingHasRetryInfoOnly) {
  const auto status = ToRpcStatus(
      Rejected(absl::StatusCode::kUnavailable, {RejectReason::kDraining, "", "draining", absl::Seconds(2)}), "id");
  ASSERT_EQ(status.details_size(), 1);
  EXPECT_EQ(DetailsAt<google::rpc::RetryInfo>(status, 0).retry_delay().seconds(), 2);
}

TEST(RpcStatusTest, InternalErrorCarriesTheRequestId) {
  const auto status = ToRpcStatus(absl::InternalError("oops"), "call-7");
  ASSERT_EQ(status.details_size(), 1);
  EXPECT_EQ(DetailsAt<google::rpc::ErrorInfo>(status, 0).metadata().at("request_id"), "call-7");
}

TEST(RpcStatusTest, LongTextIsCutBetweenCharacters) {
  std::string text(kMaxStatusTextBytes - 4, 'x');
  for (int i = 0; i < 100; ++i) text += "\u20ac";
  const auto status = ToRpcStatus(absl::InternalError(text), "");
  EXPECT_LE(status.message().size(), kMaxStatusTextBytes);
  EXPECT_THAT(status.message(), EndsWith("x..."));
}

TEST(RpcStatusTest, TextThatIsNotUtf8IsMended) {
  EXPECT_EQ(ToRpcStatus(absl::InternalError("a\xff\xc3z\xe2\x82\xac\xed\xa0\x80"), "").message(),
            "a??z\xe2\x82\xac???");
}

TEST(RpcStatusTest, GrpcStatusCarriesTheSameInItsDetails) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus(), "").ok());
  const grpc::Status status = ToGrpcStatus(InvalidField("loss", "expected one"), "");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "loss: expected one");
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.message(), "loss: expected one");
}

}  // namespace
}  // namespace lossd
