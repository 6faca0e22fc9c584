// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/grpc_listener.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "gtest/gtest.h"
#include "tests/server/running_server.h"
#include "tests/support/server_process.h"
#include "tests/support/status_matchers.h"

namespace lossd::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;

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

// The unsigned number of `bytes`, most significant byte first.
uint32_t Number(absl::string_view bytes) {
  uint32_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<uint8_t>(byte);
  return number;
}

// Reads so many bytes, or fewer if the connection ends.
std::string Receive(int fd, size_t size) {
  std::string bytes(size, '\0');
  bytes.resize(static_cast<size_t>(std::max<ssize_t>(0, recv(fd, bytes.data(), size, MSG_WAITALL))));
  return bytes;
}

// What a server at `path` tells of itself when a connection begins, by RFC 9113's numbers of settings.
std::map<uint32_t, uint32_t> Settings(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  const absl::Cleanup close_fd = [fd] { close(fd); };
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0) << path;
  const std::string preface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);
  send(fd, preface.data(), preface.size(), MSG_NOSIGNAL);
  const std::string frame = Receive(fd, 9);  // Its length, its type, flags, stream.
  if (frame.size() < 9 || frame[3] != 4) return {};
  const std::string content = Receive(fd, Number(frame.substr(0, 3)));
  std::map<uint32_t, uint32_t> settings;
  for (size_t i = 0; i + 6 <= content.size(); i += 6) {
    settings[Number(content.substr(i, 2))] = Number(content.substr(i + 2, 4));
  }
  return settings;
}

TEST(GrpcListenerTest, TakesFramesOf64KB) {
  constexpr uint32_t kMaxFrameSize = 5;
  const TemporaryFolder folder;
  const std::string path = folder.File("socket");
  grpc::health::v1::Health::Service service;
  ASSERT_OK_AND_ASSIGN(const ListeningServer listening, Listen({"unix:" + path}, &service));
  EXPECT_THAT(Settings(path), Contains(Pair(kMaxFrameSize, 65536)));
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
