// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/listen_address.h"

#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::HasSubstr;

TEST(ListenAddressTest, ReadsWhatItWrites) {
  for (const char* text : {"127.0.0.1:50051", "[::1]:0", "localhost:65535", "unix:/run/lossd.sock"}) {
    ASSERT_OK_AND_ASSIGN(const ListenAddress address, ParseListenAddress(text));
    EXPECT_EQ(ListenAddressText(address), text);
  }
}

TEST(ListenAddressTest, RefusesAnythingElseNamingIt) {
  for (const char* text : {"", "host", ":1", "host:", "host:x", "host:-1", "host:65536", "::1:5", "[::1:5", "unix:x"}) {
    EXPECT_THAT(ParseListenAddress(text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(std::string("got \"") + text + "\"")));
  }
}

TEST(ListenAddressTest, SecondBinderOfAPortFailsWithTheSystemsReason) {
  ASSERT_OK_AND_ASSIGN(const BoundSocket first, BindTcp({"127.0.0.1", 0, ""}));
  EXPECT_GT(first.port, 0);
  EXPECT_THAT(BindTcp({"127.0.0.1", first.port, ""}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("Address already in use")));
  close(first.fd);
}

TEST(ListenAddressTest, HostThatIsNoneFails) {
  EXPECT_THAT(BindTcp({"256.1.1.1", 0, ""}), StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace lossd
