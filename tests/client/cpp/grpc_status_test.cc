// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/grpc_status.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd::client {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::EndsWith;
using ::testing::HasSubstr;

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

TEST(ToAbslStatusTest, SaysWhatTlsLeavesUnsaid) {
  const auto text_of = [](grpc::StatusCode code, const std::string& text) {
    return std::string(ToAbslStatus(grpc::Status(code, text)).message());
  };
  constexpr grpc::StatusCode kUnavailable = grpc::StatusCode::UNAVAILABLE;
  EXPECT_THAT(text_of(kUnavailable, "last error: UNAVAILABLE: ipv4:1.2.3.4:5: Socket closed"),
              EndsWith("; servers do so that want ClientOptions.tls, or in it a certificate that they trust"));
  EXPECT_THAT(text_of(kUnavailable, "Ssl handshake failed: certificate verify failed"),
              EndsWith("; ClientOptions.tls trusts none who signed the server's certificate"));
  EXPECT_THAT(text_of(kUnavailable, "Ssl handshake failed: wrong version number"),
              EndsWith("; the server speaks plain text there, without ClientOptions.tls"));
  EXPECT_THAT(text_of(kUnavailable, "empty address list: "), HasSubstr("; if ClientOptions.tls is given"));
  for (const char* text : {"Socket closed", "the server is draining", "Connection refused"}) {
    EXPECT_EQ(text_of(kUnavailable, text), text);
  }
  EXPECT_EQ(text_of(grpc::StatusCode::INTERNAL, "certificate verify failed"), "certificate verify failed");
}

TEST(StaysUnavailableTest, TellsWhatIsThereToStayFromWhatPasses) {
  const auto stays = [](const char* text) {
    return StaysUnavailable(ToAbslStatus(grpc::Status(grpc::StatusCode::UNAVAILABLE, text)));
  };
  EXPECT_TRUE(stays("Ssl handshake failed: certificate verify failed"));
  EXPECT_TRUE(stays("Ssl handshake failed: wrong version number"));
  EXPECT_TRUE(stays("empty address list: "));
  EXPECT_FALSE(stays("last error: UNAVAILABLE: ipv4:1.2.3.4:5: Socket closed"));
  EXPECT_FALSE(stays("Connection refused"));
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
