// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/client_options.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd::client {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST(ClientOptionsTest, DefaultsAreValid) { EXPECT_OK(ClientOptions().Validate()); }

TEST(ClientOptionsTest, NamesTheFieldThatIsOutOfRange) {
  ClientOptions options;
  options.max_message_bytes = int64_t{1} << 31;
  EXPECT_THAT(options.Validate(), StatusIs(kInvalid,
                                           "ClientOptions.max_message_bytes: expected 1 to 2147483647, got "
                                           "2147483648"));
  options = {};
  options.max_queued_bytes = 0;
  EXPECT_THAT(options.Validate(), StatusIs(kInvalid, "ClientOptions.max_queued_bytes: expected 1 or more, got 0"));
  options = {};
  options.patience = -absl::Seconds(1);
  EXPECT_THAT(options.Validate(), StatusIs(kInvalid, "ClientOptions.patience: expected 0 or more, got -1s"));
  options = {};
  options.max_attempts = 6;
  EXPECT_THAT(options.Validate(), StatusIs(kInvalid, "ClientOptions.max_attempts: expected 1 to 5, got 6"));
  options = {};
  options.channels = 65;
  EXPECT_THAT(options.Validate(), StatusIs(kInvalid, HasSubstr("ClientOptions.channels")));
  options = {};
  options.connect_timeout = -absl::Seconds(1);
  EXPECT_THAT(options.Validate(), StatusIs(kInvalid, "ClientOptions.connect_timeout: expected 0 or more, got -1s"));
  options = {};
  options.keepalive_time = absl::ZeroDuration();
  EXPECT_THAT(options.Validate(), StatusIs(kInvalid, "ClientOptions.keepalive_time: expected more than 0, got 0"));
}

TEST(ClientOptionsTest, WantsCertificateAndKeyTogether) {
  ClientOptions options;
  options.tls = TlsOptions{.root_certificates = "", .certificate_chain = "chain", .private_key = ""};
  EXPECT_THAT(options.Validate(), StatusIs(kInvalid, HasSubstr("ClientOptions.tls")));
  for (const char* token : {"two words", "two\nlines", "caf\xc3\xa9"}) {
    options = ClientOptions();
    options.auth_token = token;
    EXPECT_THAT(options.Validate(),
                StatusIs(kInvalid, "ClientOptions.auth_token: expected visible ASCII characters, got others"));
  }
}

}  // namespace
}  // namespace lossd::client
