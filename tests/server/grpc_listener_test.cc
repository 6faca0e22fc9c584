// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/grpc_listener.h"

#include "gmock/gmock.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "gtest/gtest.h"
#include "tests/server/running_server.h"
#include "tests/support/server_process.h"
#include "tests/support/status_matchers.h"

namespace lossd::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

absl::StatusOr<ListeningServer> Listen(const std::vector<std::string>& addresses, grpc::Service* service) {
  grpc::ServerBuilder builder;
  ConfigureConnections(ServerOptions(), builder);
  builder.RegisterService(service);
  return StartListening(builder, "some_listen", addresses);
}

TEST(GrpcListenerTest, TellsThePortsInUseInTheOrderOfTheAddresses) {
  const TemporaryFolder folder;
  const std::string path = "unix:" + folder.File("socket");
  grpc::health::v1::Health::Service service;
  ASSERT_OK_AND_ASSIGN(const ListeningServer listening, Listen({"127.0.0.1:0", path, "localhost:0"}, &service));
  ASSERT_EQ(listening.addresses.size(), 3);
  EXPECT_NE(listening.addresses[0], "127.0.0.1:0");
  EXPECT_EQ(listening.addresses[1], path);
  EXPECT_THAT(listening.addresses[2], HasSubstr("localhost:"));
  for (const std::string& address : listening.addresses) {
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckResponse response;
    EXPECT_EQ(grpc::health::v1::Health::NewStub(MakeChannel(address))->Check(&context, {}, &response).error_code(),
              grpc::StatusCode::UNIMPLEMENTED)  // Answered, by a service without handlers.
        << address;
  }
}

TEST(GrpcListenerTest, SocketOfARunningServerIsNotTakenOver) {
  const TemporaryFolder folder;
  const std::string path = "unix:" + folder.File("socket");
  grpc::health::v1::Health::Service service;
  ASSERT_OK_AND_ASSIGN(const ListeningServer first, Listen({path}, &service));
  grpc::health::v1::Health::Service other;
  EXPECT_THAT(Listen({"127.0.0.1:0", path}, &other),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("--some_listen: cannot bind " + path), HasSubstr("another server"))));
  grpc::ClientContext context;
  grpc::health::v1::HealthCheckResponse response;
  EXPECT_EQ(grpc::health::v1::Health::NewStub(MakeChannel(path))->Check(&context, {}, &response).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

TEST(GrpcListenerTest, AddressThatCannotBeBoundIsNamedWithFlagAndReason) {
  grpc::health::v1::Health::Service service;
  grpc::health::v1::Health::Service other;
  ASSERT_OK_AND_ASSIGN(const ListeningServer first, Listen({"127.0.0.1:0"}, &service));
  EXPECT_THAT(
      Listen({"127.0.0.1:0", first.addresses[0]}, &other),
      StatusIs(absl::StatusCode::kUnavailable, AllOf(HasSubstr("--some_listen: cannot bind " + first.addresses[0]),
                                                     HasSubstr("Address already in use"))));
  grpc::health::v1::Health::Service third;
  EXPECT_THAT(Listen({"unix:/nowhere/socket"}, &third),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("unix:/nowhere/socket: the path cannot be created")));
}

}  // namespace
}  // namespace lossd::testing
