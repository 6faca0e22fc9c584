// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/small_message.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "grpc/health/v1/health.pb.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd::testing {
namespace {

using ::grpc::health::v1::HealthCheckRequest;
using ::testing::HasSubstr;

// Field 99, which no message has, so that all is of `bytes` bytes.
std::string UnknownField(int64_t bytes) {
  std::string field = {'\x9a', '\x06'};
  for (int64_t left = bytes - 5; field.size() < 5; left >>= 7) {
    field.push_back(static_cast<char>((left & 0x7f) | (field.size() < 4 ? 0x80 : 0)));
  }
  return field.append(static_cast<size_t>(bytes - 5), 'x');
}

absl::Status Parse(const std::vector<grpc::Slice>& slices, HealthCheckRequest& request) {
  return ParseSmallMessage(ReceivedMessage(slices), request);
}

TEST(SmallMessageTest, IsParsedHoweverItWasSliced) {
  HealthCheckRequest request;
  request.set_service("readiness");
  const std::string text = request.SerializeAsString();
  HealthCheckRequest parsed;
  ASSERT_OK(Parse({grpc::Slice(text.substr(0, 3)), grpc::Slice(text.substr(3))}, parsed));
  EXPECT_EQ(parsed.service(), "readiness");
}

TEST(SmallMessageTest, OfTheLargestSizeIsParsedAndALargerOneIsRefused) {
  HealthCheckRequest request;
  EXPECT_OK(Parse({grpc::Slice(UnknownField(kMaxSmallMessageBytes))}, request));
  EXPECT_THAT(Parse({grpc::Slice(UnknownField(kMaxSmallMessageBytes + 1))}, request),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("expected a grpc.health.v1.HealthCheckRequest of at most 65536 bytes, got 65537")));
}

TEST(SmallMessageTest, BytesOfAnotherTypeAreTheCallersMistake) {
  HealthCheckRequest request;
  EXPECT_THAT(
      Parse({grpc::Slice("\xff\xff")}, request),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("grpc.health.v1.HealthCheckRequest, got 2 bytes")));
}

}  // namespace
}  // namespace lossd::testing
