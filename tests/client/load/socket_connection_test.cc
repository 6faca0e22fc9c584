// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/socket_connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/local_listener.h"
#include "tests/support/status_matchers.h"

namespace lossd::load {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::HasSubstr;

// Takes one connection and sends back what comes until the peer has sent `bytes` bytes.
class Echo {
 public:
  explicit Echo(size_t bytes) : thread_([this, bytes] { Serve(bytes); }) {}
  ~Echo() { thread_.join(); }
  std::string target() const { return listener_.address(); }

 private:
  void Serve(size_t bytes) const {
    const int peer = listener_.Accept();
    std::string text(bytes, '\0');
    for (size_t got = 0; got < bytes;) {
      const ssize_t more = recv(peer, text.data() + got, bytes - got, 0);
      if (more <= 0) break;
      got += static_cast<size_t>(more);
    }
    send(peer, text.data(), bytes, MSG_NOSIGNAL);
    close(peer);
  }

  const testing::LocalListener listener_{1};
  std::thread thread_;
};

TEST(SocketConnectionTest, WritesAllAndReadsToTheEnd) {
  const std::string text(20000, 'x');
  Echo echo(text.size());
  ASSERT_OK_AND_ASSIGN(SocketConnection connection, SocketConnection::Open(echo.target(), absl::Seconds(10)));
  ASSERT_OK(connection.Write(text));
  ASSERT_OK_AND_ASSIGN(const std::string back, connection.ReadAll());
  EXPECT_EQ(back, text);
}

// A listener that takes nobody, and has no room for more: the system lets a client wait there for minutes.
TEST(SocketConnectionTest, GivesUpWhereNobodyTakesTheConnection) {
  const testing::LocalListener listener(0);
  const std::string target = listener.address();
  std::vector<SocketConnection> waiting;
  absl::Status status;
  while (status.ok() && waiting.size() < 10) {
    auto connection = SocketConnection::Open(target, absl::Milliseconds(200));
    status = connection.status();
    if (status.ok()) waiting.push_back(*std::move(connection));
  }
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable, HasSubstr(target + ": no connection within 200ms")));
}

TEST(SocketConnectionTest, TakesGrpcsNames) {
  for (const char* scheme : {"ipv4:", "dns:", "dns:///", "dns://resolver/", "passthrough:///"}) {
    Echo echo(1);
    auto connection = SocketConnection::Open(scheme + echo.target(), absl::Seconds(10));
    ASSERT_OK(connection.status()) << scheme;
    EXPECT_OK(connection->Write("x"));
    EXPECT_THAT(*connection->ReadAll(), "x");
  }
}

TEST(SocketConnectionTest, SaysWhereNobodyListens) {
  EXPECT_THAT(SocketConnection::Open("127.0.0.1:1", absl::Seconds(1)),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("127.0.0.1:1")));
  EXPECT_THAT(SocketConnection::Open("unix:/nowhere/socket", absl::Seconds(1)),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("/nowhere/socket")));
}

TEST(SocketConnectionTest, RefusesWhatIsNoAddress) {
  EXPECT_THAT(SocketConnection::Open("localhost", absl::Seconds(1)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("host:port")));
  EXPECT_THAT(SocketConnection::Open("unix:/" + std::string(200, 'x'), absl::Seconds(1)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("too long")));
}

}  // namespace
}  // namespace lossd::load
