// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/ops/healthcheck.h"

#include <cstdlib>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/running_server.h"
#include "tests/support/credential_folder.h"
#include "tests/support/server_process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_certificates.h"

namespace lossd::testing {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kTimeout = absl::Seconds(20);

TEST(HealthcheckTest, FindsAReadyServerByAddressOrPortFile) {
  const TemporaryFolder folder;
  ServerOptions options = TestOptions();
  options.port_file = folder.File("ports");
  RunningServer server(options);
  EXPECT_OK(CheckRunningServer(options, kTimeout));
  options.port_file.clear();
  const std::string admin = server.server().addresses().admin_listen[0];
  options.admin_listen = {"0.0.0.0" + admin.substr(admin.find(':'))};
  EXPECT_OK(CheckRunningServer(options, kTimeout));
}

TEST(HealthcheckTest, ProxiesOfTheEnvironmentAreNotAsked) {
  RunningServer server;
  ServerOptions options = TestOptions();
  options.admin_listen = server.server().addresses().admin_listen;
  for (const char* variable : {"http_proxy", "https_proxy", "grpc_proxy"}) {
    ASSERT_EQ(setenv(variable, "http://127.0.0.1:1", 1), 0);
  }
  EXPECT_OK(CheckRunningServer(options, kTimeout));
  for (const char* variable : {"http_proxy", "https_proxy", "grpc_proxy"}) unsetenv(variable);
}

TEST(HealthcheckTest, SpeaksTlsWithAServerWhoseCertificateItCannotJudge) {
  const CertificateAuthority authority("authority");
  const CredentialFolder folder;
  folder.Write(authority.Issue("server"));
  ServerOptions options = TestOptions();
  folder.UseTls(options);
  RunningServer server(options);
  options.admin_listen = server.server().addresses().admin_listen;
  EXPECT_OK(CheckRunningServer(options, kTimeout));
  folder.Write(folder.certificate(), "a new one that is wrong");  // The server keeps the one before.
  EXPECT_OK(CheckRunningServer(options, kTimeout));
  options.tls_cert_file = options.tls_key_file = "";
  EXPECT_THAT(CheckRunningServer(options, kTimeout),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("Socket closed; servers do so that want TLS: give the check")));
}

TEST(HealthcheckTest, ShowsTheServersOwnCertificateOrAsksAtAUnixSocket) {
  const CertificateAuthority authority("authority");
  const CertificateAuthority other("other");
  const CredentialFolder folder;
  folder.Write(authority.Issue("server"));
  folder.Write(folder.client_ca(), authority.certificate());
  ServerOptions options = TestOptions();
  folder.UseTls(options);
  options.tls_client_ca_file = folder.client_ca();
  {
    RunningServer server(options);
    ServerOptions running = options;
    running.admin_listen = server.server().addresses().admin_listen;
    EXPECT_OK(CheckRunningServer(running, kTimeout));
  }
  folder.Write(folder.client_ca(), other.certificate());
  const TemporaryFolder sockets;
  options.admin_listen.push_back("unix:" + sockets.File("admin"));
  RunningServer server(options);
  options.admin_listen = server.server().addresses().admin_listen;
  EXPECT_OK(CheckRunningServer(options, kTimeout));
  options.admin_listen.pop_back();
  EXPECT_THAT(CheckRunningServer(options, kTimeout), StatusIs(absl::StatusCode::kUnavailable));
}

TEST(HealthcheckTest, ServerThatIsGoneIsUnavailable) {
  ServerOptions options = TestOptions();
  {
    RunningServer server;
    options.admin_listen = server.server().addresses().admin_listen;
  }
  EXPECT_THAT(CheckRunningServer(options, kTimeout),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(options.admin_listen[0])));
  options.admin_listen = {};
  EXPECT_THAT(CheckRunningServer(options, kTimeout),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("--admin_listen")));
}

TEST(HealthcheckTest, PortFileThatIsNotThereIsNamedAndNoOtherServerAsked) {
  RunningServer server;
  ServerOptions options = TestOptions();
  options.admin_listen = server.server().addresses().admin_listen;
  options.port_file = "/nowhere/ports";
  EXPECT_THAT(CheckRunningServer(options, kTimeout),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("--port_file: cannot read /nowhere/ports")));
}

TEST(HealthcheckTest, DrainingServerIsNotReady) {
  RunningServer server;
  server.backend().Hold();
  PendingCall call(server, MakeRequest());
  server.backend().AwaitHeld(1);
  ServerOptions options = TestOptions();
  options.admin_listen = server.server().addresses().admin_listen;
  grpc::ClientContext idle_context;
  const auto idle = server.stub().ComputeStream(&idle_context);
  ASSERT_TRUE(idle->Write(v1::ComputeRequest()));
  v1::ComputeResponse response;
  ASSERT_TRUE(idle->Read(&response));
  std::thread shutdown([&] { EXPECT_TRUE(server.server().Shutdown()); });
  EXPECT_EQ(idle->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);  // Draining has begun.
  EXPECT_THAT(CheckRunningServer(options, kTimeout),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("expected SERVING, got NOT_SERVING")));
  server.backend().Release();
  shutdown.join();
}

}  // namespace
}  // namespace lossd::testing
