// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The real binary where nothing goes as it should: a log that nobody reads, clients that read nothing, no file
// descriptors. It answers its probes, and it ends.

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/load/server_stages.h"
#include "client/load/socket_connection.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/bystander.h"
#include "tests/e2e/watched_server.h"
#include "tests/support/credential_folder.h"
#include "tests/support/http2/frames.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_certificates.h"

namespace lossd::testing {
namespace {

using load::SocketConnection;
using ::testing::HasSubstr;

// A pipe with a name that is full and that nobody reads.
class FullPipe {
 public:
  FullPipe() {
    EXPECT_EQ(mkfifo(path_.c_str(), 0600), 0);
    fd_ = open(path_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    while (write(fd_, "x", 1) == 1) {
    }
  }
  ~FullPipe() { close(fd_); }
  FullPipe(const FullPipe&) = delete;
  FullPipe& operator=(const FullPipe&) = delete;

  const std::string& path() const { return path_; }

 private:
  const TemporaryFolder folder_;
  const std::string path_ = folder_.File("pipe");
  int fd_ = -1;
};

// What runs a program under a line of shell.
std::vector<std::string> Under(const std::string& line) { return {"/bin/sh", "-c", line}; }

TEST(StoppingTest, LogThatNobodyReadsHoldsUpNeitherCallsNorTheEnd) {
  const FullPipe pipe;
  ASSERT_OK_AND_ASSIGN(
      const auto server,
      ServerProcess::Start({"--threads=1"}, Under(absl::StrCat("exec \"$0\" \"$@\" 2>", pipe.path()))));
  Bystander(server->address()).MakeCall();
  EXPECT_EQ(server->Stop(), 0);
}

TEST(StoppingTest, HangupReadsTheCredentialsAndEndsNothing) {
  const TemporaryFolder folder;
  std::ofstream(folder.File("tokens")) << "first\n";
  ASSERT_OK_AND_ASSIGN(const auto server,
                       ServerProcess::Start({"--threads=1", "--auth_token_file=" + folder.File("tokens")}));
  std::ofstream(folder.File("tokens")) << "second\n";
  server->process().Signal(SIGHUP);
  EXPECT_TRUE(server->process().AwaitErrors("new tokens"));
  EXPECT_EQ(RunToEnd("lossd", {"--healthcheck", "--port_file=" + server->port_file()}).code, 0);
  EXPECT_EQ(server->Stop(), 0);
  EXPECT_THAT(server->process().Errors(), HasSubstr("\"every_call_answered\":true"));
}

TEST(StoppingTest, ClientsThatReadNothingAreCutOffAndTheServerEndsCleanly) {
  constexpr int kReaders = 4;
  WatchedServer server({"--threads=1", "--shutdown_timeout=1s"});
  std::vector<SocketConnection> readers;
  const std::string message = NormRequest(1000).SerializeAsString();
  for (int i = 0; i < kReaders; ++i) {
    auto reader = SocketConnection::Open(server.address(), absl::Seconds(10));
    ASSERT_OK(reader);
    ASSERT_OK(reader->Write(
        absl::StrCat(ConnectionPreface(/*window=*/0), HeadersOf(1, {}),
                     DataOf(1, absl::StrCat(MessagePrefix(static_cast<uint32_t>(message.size())), message)))));
    readers.push_back(*std::move(reader));
  }
  server.AwaitMetric(
      "grpc_server_started_total{grpc_method=\"Compute\",grpc_service=\"lossd.v1.LossService\",grpc_type=\"unary\"}",
      kReaders);
  EXPECT_EQ(server.process().Stop(), 0);
  EXPECT_THAT(server.process().process().Errors(), HasSubstr("\"every_call_answered\":false"));
}

// Sixty-four descriptors, and a hundred connections that say nothing.
TEST(StoppingTest, ProbesLiveOnWhenDescriptorsRunOut) {
  ASSERT_OK_AND_ASSIGN(const auto server,
                       ServerProcess::Start({"--threads=1"}, Under("ulimit -n 64; exec \"$0\" \"$@\"")));
  std::vector<SocketConnection> idle;
  for (int i = 0; i < 100; ++i) {
    auto connection = SocketConnection::Open(server->address(), absl::Seconds(10));
    if (connection.ok()) idle.push_back(*std::move(connection));
  }
  EXPECT_TRUE(server->process().AwaitErrors("connection refused: as many as there may be"));
  for (const char* page : {"/healthz", "/readyz", "/metrics"}) {
    EXPECT_OK(load::FetchText(absl::StrCat("http://", server->http_address(), page)));
  }
  const auto metrics = load::FetchText(absl::StrCat("http://", server->http_address(), "/metrics"));
  ASSERT_OK(metrics);
  EXPECT_THAT(*metrics, HasSubstr("\nlossd_connections_refused_total "));
  const Ended healthcheck = RunToEnd("lossd", {"--healthcheck", "--port_file=" + server->port_file()});
  EXPECT_EQ(healthcheck.code, 0) << healthcheck.errors;
  EXPECT_EQ(server->Stop(), 0);
}

TEST(StoppingTest, HandshakeThatFailsIsLoggedWithItsPeer) {
  const CertificateAuthority authority("authority");
  const CredentialFolder folder;
  folder.Write(authority.Issue("server"));
  ASSERT_OK_AND_ASSIGN(const auto server,
                       ServerProcess::Start({"--threads=1", "--tls_cert_file=" + folder.certificate(),
                                             "--tls_key_file=" + folder.key()}));
  auto plain = SocketConnection::Open(server->address(), absl::Seconds(10));
  ASSERT_OK(plain);
  ASSERT_OK(plain->Write("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_TRUE(server->process().AwaitErrors("Handshake failed"));
  EXPECT_EQ(server->Stop(), 0);
  EXPECT_THAT(server->process().Errors(), HasSubstr("\"peer\":\"ipv4:127.0.0.1:"));
}

TEST(StoppingTest, ConnectionsBeyondTheBoundAreClosed) {
  WatchedServer server({"--threads=1", "--max_connections=2"});
  std::vector<SocketConnection> kept;
  for (int i = 0; i < 2; ++i) {
    auto connection = SocketConnection::Open(server.address(), absl::Seconds(10));
    ASSERT_OK(connection);
    ASSERT_OK(connection->Write(ConnectionPreface()));
    kept.push_back(*std::move(connection));
  }
  server.AwaitMetric("lossd_connections", 2);
  auto beyond = SocketConnection::Open(server.address(), absl::Seconds(10));
  ASSERT_OK(beyond);
  const auto nothing = beyond->ReadAll();
  EXPECT_TRUE(!nothing.ok() || nothing->empty());
  server.AwaitMetric("lossd_connections_refused_total", 1);
  kept.clear();
  server.AwaitMetric("lossd_connections", 0);
  Bystander(server.address()).MakeCall();
  EXPECT_EQ(server.process().Stop(), 0);
}

}  // namespace
}  // namespace lossd::testing
