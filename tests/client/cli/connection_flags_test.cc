// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/connection_flags.h"

#include <CLI/CLI.hpp>
#include <fstream>
#include <string>

#include "client/cli/subcommand.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cpp/fake_loss_service.h"
#include "tests/support/status_matchers.h"

namespace lossd::cli {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

absl::StatusOr<std::unique_ptr<Client>> ConnectWith(const std::string& arguments) {
  CLI::App app;
  ConnectionFlags flags;
  flags.Declare(app);
  app.parse(arguments);
  return flags.Connect();
}

TEST(ConnectionFlagsTest, ConnectsToTheTarget) {
  client::FakeServer server;
  server.service.info.set_version("7");
  ASSERT_OK_AND_ASSIGN(const auto client, ConnectWith("--target " + server.target()));
  ASSERT_OK_AND_ASSIGN(const auto info, client->GetServerInfo());
  EXPECT_EQ(info.version, "7");
}

TEST(ConnectionFlagsTest, SendsTheTokenOfAFile) {
  const std::string path = ::testing::TempDir() + "/connection_flags_token";
  std::ofstream(path) << "secret\n";
  client::FakeServer server;
  std::string authorization;
  server.service.on_compute = [&](grpc::ServerContext* context, const v1::ComputeRequest&, v1::ComputeResponse*) {
    const auto found = context->client_metadata().find("authorization");
    if (found != context->client_metadata().end()) authorization = {found->second.data(), found->second.size()};
    return grpc::Status::OK;
  };
  ASSERT_OK_AND_ASSIGN(const auto client, ConnectWith("--target " + server.target() + " --auth-token-file " + path));
  EXPECT_OK(client->Compute({}));
  EXPECT_EQ(authorization, "Bearer secret");
}

TEST(ConnectionFlagsTest, RefusesAFileOfNoTokenOrOfSeveral) {
  const std::string path = ::testing::TempDir() + "/connection_flags_tokens";
  for (const auto& [text, got] : {std::pair(" \n", "got none"), std::pair("first\nsecond\n", "got something else")}) {
    std::ofstream(path) << text;
    const absl::Status status = ConnectWith("--auth-token-file " + path).status();
    EXPECT_THAT(status,
                StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr("--auth-token-file: expected one token"),
                                                                   HasSubstr(got), Not(HasSubstr("first")))));
    EXPECT_TRUE(IsUsageError(status));
  }
}

TEST(ConnectionFlagsTest, RefusesFlagsThatCannotBeRead) {
  for (const auto& [arguments, text] :
       {std::pair("--timeout soon", "--timeout: expected a duration"),
        std::pair("--connect-timeout -1s", "--connect-timeout: expected a duration"),
        std::pair("--tls-ca-file /no/such", "--tls-ca-file: cannot read /no/such"),
        std::pair("--tls-ca-file /tmp", "--tls-ca-file: cannot read /tmp"),
        std::pair("--tls-ca-file /dev/null", "PEM text in /dev/null, got an empty file"),
        std::pair("--tls-cert-file a", "both or none, got --tls-cert-file alone"),
        std::pair("--tls-key-file a", "both or none, got --tls-key-file alone"),
        std::pair("--target localhost", "--target: expected \"host:port\""),
        std::pair("--server localhost:99999", "'; ports are 1 to 65535"),
        std::pair("--target http://lossd:1", "it may be 'lossd:1', and TLS is --tls"),
        std::pair("--max-message-bytes 0", "--max-message-bytes: expected")}) {
    const absl::Status status = ConnectWith(arguments).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(text)));
    EXPECT_TRUE(IsUsageError(status));
  }
}

TEST(ConnectionFlagsTest, TellsOptionsOfTheClientByTheirFlags) {
  EXPECT_EQ(InFlags("too long; a limit is ClientOptions.max_message_bytes"),
            "too long; a limit is --max-message-bytes");
  EXPECT_EQ(InFlags("ClientOptions.a: x, ClientOptions.b_c: y"), "--a: x, --b-c: y");
  EXPECT_EQ(InFlags("nothing"), "nothing");
}

TEST(ConnectionFlagsTest, AnUnreachableServerIsNoUsageError) {
  const absl::Status status = ConnectWith("--target unix:/no/such --connect-timeout 20ms").status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_FALSE(IsUsageError(status));
}

}  // namespace
}  // namespace lossd::cli
