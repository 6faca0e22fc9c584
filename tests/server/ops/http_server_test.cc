// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/ops/http_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <deque>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/http_get.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::ConnectFrom;
using ::lossd::testing::HttpAsk;
using ::lossd::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

HttpPage Page(absl::string_view path) {
  if (path == "/found") return {.content_type = "text/x-test", .body = "body\n"};
  return {.status = 404, .body = "no\n"};
}

TEST(HttpServerTest, AnswersWithThePageOfThePathOnEveryAddress) {
  ASSERT_OK_AND_ASSIGN(const auto server, HttpServer::Start({"127.0.0.1:0", "127.0.0.1:0"}, Page));
  ASSERT_EQ(server->addresses().size(), 2);
  for (const std::string& address : server->addresses()) {
    const auto reply = HttpAsk(address, "/found?query=1");
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "body\n");
    EXPECT_THAT(reply.head, HasSubstr("Content-Type: text/x-test"));
    EXPECT_EQ(HttpAsk(address, "/other").status, 404);
  }
}

TEST(HttpServerTest, HeadHasNoBodyAndOtherMethodsAreRefused) {
  ASSERT_OK_AND_ASSIGN(const auto server, HttpServer::Start({"127.0.0.1:0"}, Page));
  const auto head = HttpAsk(server->addresses()[0], "/found", "HEAD");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
  const auto post = HttpAsk(server->addresses()[0], "/found", "POST");
  EXPECT_EQ(post.status, 405);
  EXPECT_THAT(post.head, HasSubstr("Allow: GET, HEAD"));
}

TEST(HttpServerTest, AddressInUseIsNamedWithItsFlag) {
  ASSERT_OK_AND_ASSIGN(const auto server, HttpServer::Start({"127.0.0.1:0"}, Page));
  const std::string address = server->addresses()[0];
  EXPECT_THAT(HttpServer::Start({address}, Page),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("--http_listen: cannot bind " + address), HasSubstr("Address already in use"))));
}

// A connection to `address` from `host` that is kept.
class Connection {
 public:
  explicit Connection(const std::string& address, const char* host = "127.0.0.1") : fd_(ConnectFrom(host, address)) {}
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Asks; the reply, "" if there is none.
  std::string Ask() const {
    const absl::string_view request = "GET /found HTTP/1.1\r\nHost: x\r\n\r\n";
    Send(request);
    return Receive();
  }

  void Send(absl::string_view bytes) const { send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }

  // What comes first, "" if the server closes instead.
  std::string Receive() const {
    char buffer[4096];
    const ssize_t count = recv(fd_, buffer, sizeof(buffer), 0);
    return std::string(buffer, static_cast<size_t>(std::max<ssize_t>(count, 0)));
  }

 private:
  const int fd_;
};

// No connection is closed for being idle here.
TEST(HttpServerTest, OneHostCannotTakeEveryPlace) {
  const HttpLimits limits{.connections = 4, .connections_of_host = 2, .idle_timeout = absl::ZeroDuration()};
  ASSERT_OK_AND_ASSIGN(const auto server, HttpServer::Start({"127.0.0.1:0"}, Page, limits));
  const std::string address = server->addresses()[0];
  const Connection idle[] = {Connection(address), Connection(address)};
  EXPECT_EQ(Connection(address).Ask(), "");
  const Connection more(address);
  EXPECT_THAT(Connection(address, "127.0.0.2").Ask(), HasSubstr("200 OK"));
}

// Sixteen of each of four hosts, each with half a request that it would go on with.
TEST(HttpServerTest, SlowConnectionsDoNotKeepOthersFromTheirAnswer) {
  HttpLimits limits;
  limits.idle_timeout = absl::ZeroDuration();
  limits.request_timeout = absl::InfiniteDuration();
  ASSERT_OK_AND_ASSIGN(const auto server, HttpServer::Start({"127.0.0.1:0"}, Page, limits));
  const std::string address = server->addresses()[0];
  std::deque<Connection> slow;
  for (const char* host : {"127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"}) {
    for (int i = 0; i < 16; ++i) slow.emplace_back(address, host).Send("GET /found HT");
  }
  for (int i = 0; i < 100; ++i) EXPECT_EQ(HttpAsk(address, "/found").status, 200);
}

TEST(HttpServerTest, RequestThatGoesOnForTooLongIsCutOff) {
  HttpLimits limits;
  limits.request_timeout = absl::Milliseconds(1);
  ASSERT_OK_AND_ASSIGN(const auto server, HttpServer::Start({"127.0.0.1:0"}, Page, limits));
  const Connection slow(server->addresses()[0]);
  slow.Send("GET /found HT");
  EXPECT_EQ(slow.Receive(), "");
}

TEST(HttpServerTest, AddressesShareWhatThereIs) {
  EXPECT_EQ(HttpLimitsWithin(96, 1).connections, 64);
  EXPECT_EQ(HttpLimitsWithin(96, 1).connections_of_host, 16);
  EXPECT_EQ(HttpLimitsWithin(6, 1).connections, 6);
  EXPECT_EQ(HttpLimitsWithin(6, 3).connections, 2);
  EXPECT_EQ(HttpLimitsWithin(6, 3).connections_of_host, 2);
  EXPECT_EQ(HttpLimitsWithin(6, 0).connections, 6);
}

TEST(HttpServerTest, EndsAlsoWhileEveryPlaceIsTaken) {
  const HttpLimits limits{.connections = 2, .connections_of_host = 2, .idle_timeout = absl::ZeroDuration()};
  ASSERT_OK_AND_ASSIGN(auto server, HttpServer::Start({"127.0.0.1:0", "127.0.0.1:0"}, Page, limits));
  const std::string address = server->addresses()[0];
  const Connection idle[] = {Connection(address), Connection(address), Connection(address)};
  // Nothing tells that the one thread has seen the third; it has had its time while the other one answers.
  for (int i = 0; i < 50; ++i) EXPECT_EQ(HttpAsk(server->addresses()[1], "/found").status, 200);
  server.reset();
  EXPECT_EQ(idle[0].Ask(), "");
}

TEST(HttpServerTest, GarbageDoesNotStopIt) {
  ASSERT_OK_AND_ASSIGN(const auto server, HttpServer::Start({"127.0.0.1:0"}, Page));
  HttpAsk(server->addresses()[0], std::string(100'000, 'x'));
  HttpAsk(server->addresses()[0], "/", "\x01\x02");
  EXPECT_EQ(HttpAsk(server->addresses()[0], "/found").status, 200);
}

}  // namespace
}  // namespace lossd
