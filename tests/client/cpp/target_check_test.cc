// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/target_check.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd::client {
namespace {

using ::lossd::testing::StatusIs;

std::string Refusal(const std::string& target, const std::string& hint = "") {
  return absl::StrCat("target: expected \"host:port\", \"unix:/path\" or another name that gRPC resolves, got '",
                      target, "'", hint);
}

TEST(TargetCheckTest, TakesWhatGrpcResolves) {
  for (const char* target :
       {"localhost:50051", "10.0.0.1:1", "[::1]:50051", "lossd:65535", "unix:/run/lossd.sock", "unix:name",
        "unix-abstract:name", "dns:///lossd:50051", "dns:lossd:50051", "dns://8.8.8.8/lossd:50051",
        "ipv4:10.0.0.1:1,10.0.0.2:1", "ipv6:[::1]:1", "xds:///lossd", "lossd.svc.cluster.local:grpc"}) {
    EXPECT_OK(CheckTarget(target));
  }
}

TEST(TargetCheckTest, RefusesWhatHasNoPortOrIsNoAddress) {
  for (const char* target : {"", "localhost", "::1", "[::1]", "host:", "host:port:1", "dns:///lossd", " localhost:1",
                             ":50051", "localhost:-1", "localhost:1x", "[]:1", "tcp://localhost:1"}) {
    EXPECT_THAT(CheckTarget(target), StatusIs(absl::StatusCode::kInvalidArgument, Refusal(target)));
  }
}

TEST(TargetCheckTest, RefusesPortsThatThereAreNot) {
  for (const char* target : {"localhost:99999", "localhost:65536", "localhost:0", "localhost:99999999999999999999",
                             "[::1]:70000", "dns:///lossd:99999"}) {
    EXPECT_THAT(CheckTarget(target),
                StatusIs(absl::StatusCode::kInvalidArgument, Refusal(target, "; ports are 1 to 65535")));
  }
}

TEST(TargetCheckTest, RefusesUrlsAndSaysWhatTheyMayBe) {
  EXPECT_THAT(CheckTarget("http://localhost:50051"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       Refusal("http://localhost:50051",
                               "; without \"http://\" it may be 'localhost:50051', and TLS is "
                               "ClientOptions.tls")));
  EXPECT_THAT(
      CheckTarget("grpcs://"),
      StatusIs(absl::StatusCode::kInvalidArgument,
               Refusal("grpcs://", "; without \"grpcs://\" it may be 'host:port', and TLS is ClientOptions.tls")));
}

}  // namespace
}  // namespace lossd::client
