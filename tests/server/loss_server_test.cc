// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/loss_server.h"

#include <filesystem>
#include <memory>
#include <thread>
#include <utility>

#include "core/status/status_macros.h"
#include "core/tile_backend.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/http_get.h"
#include "tests/server/running_server.h"
#include "tests/support/credential_folder.h"
#include "tests/support/server_process.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_certificates.h"

namespace lossd::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// A server that a test starts itself.
class LossServerTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<LossServer>> Start(const ServerOptions& options, Clock& clock = RealClock()) {
    return StartWith(options, backend_, clock);
  }
  absl::StatusOr<std::unique_ptr<LossServer>> StartWith(const ServerOptions& options, LossBackend& backend,
                                                        Clock& clock) {
    LOSSD_ASSIGN_OR_RETURN(auto credentials, CredentialFiles::Load(options));
    return LossServer::Start(options, std::move(credentials), backend, metrics_, logger_, clock);
  }
  HeldBackend backend_;
  Metrics metrics_;
  Logger logger_{LogLevel::kError, LogFormat::kJson, [](absl::string_view) {}};
};

TEST_F(LossServerTest, PortThatIsTakenIsNamedWithItsFlag) {
  ASSERT_OK_AND_ASSIGN(const auto first, Start(TestOptions()));
  for (const char* flag : {"listen", "admin_listen", "http_listen"}) {
    ServerOptions options = TestOptions();
    std::vector<std::string>& addresses = std::string(flag) == "listen"         ? options.listen
                                          : std::string(flag) == "admin_listen" ? options.admin_listen
                                                                                : options.http_listen;
    addresses = first->addresses().listen;
    EXPECT_THAT(Start(options),
                StatusIs(absl::StatusCode::kUnavailable, AllOf(HasSubstr("--" + std::string(flag) + ": cannot bind"),
                                                               HasSubstr(addresses[0]), HasSubstr("in use"))));
  }
}

TEST_F(LossServerTest, CredentialsThatAreWrongAreNamedWithFlagAndFile) {
  ServerOptions options = TestOptions();
  options.auth_token_file = "/nowhere/tokens";
  EXPECT_THAT(Start(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("--auth_token_file: cannot read \"/nowhere/tokens\"")));
}

TEST_F(LossServerTest, WarnsWhereTokensTravelInPlainText) {
  const CertificateAuthority authority("authority");
  const CredentialFolder folder;
  const TemporaryFolder sockets;
  folder.Write(folder.tokens(), "token");
  ServerOptions options = TestOptions();
  options.auth_token_file = folder.tokens();
  const auto log_of = [](const ServerOptions& running) { return RunningServer(running).StopAndGetLog(); };
  EXPECT_THAT(log_of(options), HasSubstr("tokens travel in plain text"));
  ServerOptions at_home = options;
  at_home.listen = {"unix:" + sockets.File("socket")};
  EXPECT_THAT(log_of(at_home), Not(HasSubstr("plain text")));
  folder.Write(authority.Issue("server"));
  folder.UseTls(options);
  EXPECT_THAT(log_of(options), Not(HasSubstr("plain text")));
}

TEST_F(LossServerTest, ListensOnEveryAddressAlsoOnUnixSockets) {
  const TemporaryFolder folder;
  ServerOptions options = TestOptions();
  const std::string path = "unix:" + folder.File("socket");
  options.listen = {"127.0.0.1:0", path};
  ASSERT_OK_AND_ASSIGN(const auto server, Start(options));
  ASSERT_EQ(server->addresses().listen.size(), 2);
  EXPECT_EQ(server->addresses().listen[1], path);
  for (const std::string& address : server->addresses().listen) {
    grpc::ClientContext context;
    v1::ComputeResponse response;
    EXPECT_TRUE(v1::LossService::NewStub(MakeChannel(address))->Compute(&context, MakeRequest(), &response).ok());
  }
  EXPECT_TRUE(server->Shutdown());
}

TEST_F(LossServerTest, AdminAndHttpServersMayBeLeftOut) {
  ServerOptions options = TestOptions();
  options.admin_listen = options.http_listen = {};
  ASSERT_OK_AND_ASSIGN(const auto server, Start(options));
  EXPECT_TRUE(server->addresses().admin_listen.empty());
  EXPECT_TRUE(server->addresses().http_listen.empty());
}

TEST_F(LossServerTest, PortFileIsThereOnceCallsCanBeServed) {
  const TemporaryFolder folder;
  ServerOptions options = TestOptions();
  options.port_file = folder.File("ports");
  ASSERT_OK_AND_ASSIGN(const auto server, Start(options));
  ASSERT_OK_AND_ASSIGN(const ServerAddresses addresses, ReadPortFile(options.port_file));
  EXPECT_EQ(addresses.listen, server->addresses().listen);
  EXPECT_EQ(addresses.http_listen, server->addresses().http_listen);
  options.port_file = "/nowhere/ports";
  EXPECT_THAT(Start(options), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("--port_file")));
}

TEST_F(LossServerTest, PagesTellOfCallsAndOfGauges) {
  ASSERT_OK_AND_ASSIGN(const auto server, Start(TestOptions()));
  const std::string http = server->addresses().http_listen[0];
  const std::string metrics = HttpAsk(http, "/metrics").body;
  for (const char* name :
       {"lossd_queue_requests 0", "lossd_queue_bytes 0", "lossd_inflight_bytes 0", "lossd_connections 0",
        "lossd_connections_refused_total 0", "process_resident_memory_bytes", "grpc_server_started_total"}) {
    EXPECT_THAT(metrics, HasSubstr(name));
  }
  EXPECT_THAT(metrics, Not(HasSubstr("lossd_certificate_expiry_seconds")));
  EXPECT_EQ(HttpAsk(http, "/readyz").status, 200);
  EXPECT_EQ(HttpAsk(http, "/healthz").status, 200);
  EXPECT_EQ(HttpAsk(http, "/version").status, 200);
  EXPECT_THAT(HttpAsk(http, "/configz").body, HasSubstr("max_inflight_bytes"));
}

TEST_F(LossServerTest, ExpiryOfTheCertificateIsMeasured) {
  const CertificateAuthority authority("authority");
  const CredentialFolder folder;
  folder.Write(authority.Issue("server", absl::FromUnixSeconds(4'000'000'000)));
  ServerOptions options = TestOptions();
  folder.UseTls(options);
  ASSERT_OK_AND_ASSIGN(const auto server, Start(options));
  EXPECT_THAT(HttpAsk(server->addresses().http_listen[0], "/metrics").body,
              HasSubstr("\nlossd_certificate_expiry_seconds 4000000000"));
}

// The stream itself ends well.
TEST(StreamMetricsTest, ErrorsInsideAStreamAreCountedByCode) {
  RunningServer server;
  grpc::ClientContext context;
  const auto stream = server.stub().ComputeStream(&context);
  v1::ComputeResponse response;
  for (const v1::ComputeRequest& request : {MakeRequest(), v1::ComputeRequest()}) {
    ASSERT_TRUE(stream->Write(request));
    ASSERT_TRUE(stream->Read(&response));
  }
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
  server.Stop();
  EXPECT_EQ(server.Metric("lossd_stream_messages_total{grpc_code=\"OK\"}"), 1);
  EXPECT_EQ(server.Metric("lossd_stream_messages_total{grpc_code=\"INVALID_ARGUMENT\"}"), 1);
}

TEST(ShutdownTest, AcceptedCallsAreAnsweredAndNewOnesAreUnavailable) {
  RunningServer server;
  server.backend().Hold();
  std::vector<std::unique_ptr<PendingCall>> calls;
  for (int i = 0; i < 8; ++i) calls.push_back(std::make_unique<PendingCall>(server, MakeRequest()));
  server.backend().AwaitHeld(8);
  grpc::ClientContext idle_context;
  const auto idle = server.stub().ComputeStream(&idle_context);
  ASSERT_TRUE(idle->Write(v1::ComputeRequest()));
  v1::ComputeResponse response;
  ASSERT_TRUE(idle->Read(&response));
  std::thread shutdown([&] { EXPECT_TRUE(server.server().Shutdown()); });
  EXPECT_EQ(idle->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);  // Draining has begun.
  grpc::ClientContext context;
  EXPECT_EQ(server.stub().Compute(&context, MakeRequest(), &response).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(context.GetServerTrailingMetadata().count("grpc-retry-pushback-ms"), 1);
  server.backend().Release();
  for (const auto& call : calls) EXPECT_TRUE(call->Await().ok());
  shutdown.join();
  EXPECT_TRUE(server.backend().drained());
  EXPECT_EQ(server.Call(MakeRequest()).error_code(), grpc::StatusCode::UNAVAILABLE);
}

// The back end's clock stands still.
TEST_F(LossServerTest, CallThatWaitsForCompanyIsAnsweredAtOnceWhenTheServerStops) {
  SimulatedClock clock;
  TileBackendOptions backend_options;
  backend_options.scheduler.queue.max_queue_delay = absl::Hours(1);
  backend_options.scheduler.clock = &clock;
  ASSERT_OK_AND_ASSIGN(const auto backend, CreateTileBackend(backend_options));
  ASSERT_OK_AND_ASSIGN(const auto server, StartWith(TestOptions(), *backend, RealClock()));
  const auto stub = v1::LossService::NewStub(MakeChannel(server->addresses().listen[0]));
  std::thread caller([&] {
    grpc::ClientContext context;
    v1::ComputeResponse response;
    EXPECT_TRUE(stub->Compute(&context, MakeRequest(), &response).ok());
  });
  while (backend->queue_depth().requests == 0) std::this_thread::yield();
  EXPECT_TRUE(server->Shutdown());
  caller.join();
}

TEST(ShutdownTest, CallsThatDoNotFinishInTimeAreCutOff) {
  ServerOptions options = TestOptions();
  options.shutdown_timeout = absl::Milliseconds(1);
  RunningServer server(options);
  server.backend().Hold();
  PendingCall call(server, MakeRequest());
  server.backend().AwaitHeld(1);
  EXPECT_FALSE(server.server().Shutdown());
  EXPECT_EQ(call.Await().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(LossServerTest, ServesOnDuringTheDrainDelayWithReadinessOff) {
  SimulatedClock clock;
  ServerOptions options = TestOptions();
  options.drain_delay = absl::Minutes(1);
  ASSERT_OK_AND_ASSIGN(const auto server, Start(options, clock));
  std::thread shutdown([&] { EXPECT_TRUE(server->Shutdown()); });
  clock.WaitUntilWaiting(1);
  EXPECT_EQ(HttpAsk(server->addresses().http_listen[0], "/readyz").status, 503);
  grpc::ClientContext context;
  v1::ComputeResponse response;
  const auto stub = v1::LossService::NewStub(MakeChannel(server->addresses().listen[0]));
  EXPECT_TRUE(stub->Compute(&context, MakeRequest(), &response).ok());
  clock.AdvanceTime(absl::Minutes(1));
  shutdown.join();
}

}  // namespace
}  // namespace lossd::testing
