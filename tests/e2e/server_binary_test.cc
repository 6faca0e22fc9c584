// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The real binary: what it prints, how it ends, what it leaves running.

#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "core/losses/loss_config.h"
#include "gmock/gmock.h"
#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"
#include "lossd/v1/loss_service.grpc.pb.h"
#include "tests/support/credential_folder.h"
#include "tests/support/server_process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_certificates.h"

namespace lossd::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Ended RunLossd(std::vector<std::string> flags) { return RunToEnd("lossd", std::move(flags)); }

std::shared_ptr<grpc::Channel> ChannelTo(
    const std::string& address,
    const std::shared_ptr<grpc::ChannelCredentials>& credentials = grpc::InsecureChannelCredentials()) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, credentials, arguments);
}

// out_1 and out_2 of nt_xent, [rows, 32].
v1::ComputeRequest ContrastOf(int64_t rows) {
  v1::ComputeRequest request;
  request.mutable_loss()->mutable_nt_xent();
  for (const char* name : {"out_1", "out_2"}) {
    v1::Tensor* input = request.add_inputs();
    input->set_name(name);
    input->set_dtype(v1::DTYPE_FLOAT32);
    input->add_shape(rows);
    input->add_shape(32);
    std::vector<float> values(static_cast<size_t>(rows) * 32);
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 97) / 97 - 0.5f;
    input->set_data(values.data(), values.size() * sizeof(float));
  }
  return request;
}

TEST(ServerBinaryTest, HelpVersionAndValidConfigurationEndCleanly) {
  const Ended help = RunLossd({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.output, HasSubstr("--max_inflight_bytes=2GiB"));
  const Ended version = RunLossd({"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_THAT(version.output, HasSubstr("lossd 0.1.0"));
  EXPECT_EQ(RunLossd({"--validate_config", "--listen=127.0.0.1:1"}).code, 0);
}

TEST(ServerBinaryTest, MistakesOfUsageEndWithTwoAndOneLine) {
  for (const char* flag : {"--bogus", "--threads=x", "--threads=-1", "--listen=nowhere", "--threads=1025",
                           "--device=cuda:N", "--port_file=/tmp", "--flagfile=/tmp", "serve", "--drain_delay=5",
                           "--transport_memory_bytes=1", "--max_inflight_bytes=1MiB"}) {
    const Ended ended = RunLossd({"--validate_config", flag});
    EXPECT_EQ(ended.code, 2) << flag;
    EXPECT_EQ(std::count(ended.errors.begin(), ended.errors.end(), '\n'), 1) << ended.errors;
  }
}

TEST(ServerBinaryTest, MisspeltVariableIsToldWhatWasMeant) {
  ASSERT_EQ(setenv("LOSSD_MAX_MESAGE_BYTES", "1024", 1), 0);
  const Ended ended = RunLossd({"--validate_config"});
  unsetenv("LOSSD_MAX_MESAGE_BYTES");
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.errors, HasSubstr("LOSSD_MAX_MESAGE_BYTES: expected"));
  EXPECT_THAT(ended.errors, HasSubstr("did you mean LOSSD_MAX_MESSAGE_BYTES?"));
}

TEST(ServerBinaryTest, ExpiredCertificateIsNoValidConfiguration) {
  const CertificateAuthority authority("authority");
  const CredentialFolder folder;
  folder.Write(authority.Issue("server", absl::FromUnixSeconds(1'000'000'000)));
  const Ended ended =
      RunLossd({"--validate_config", "--tls_cert_file=" + folder.certificate(), "--tls_key_file=" + folder.key()});
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.errors, HasSubstr("lossd: --tls_cert_file: expected a certificate that has not expired"));
}

TEST(ServerBinaryTest, DeviceThatIsNotThereEndsWithFourAndOneLine) {
  const Ended ended = RunLossd({"--device=cuda"});
  EXPECT_EQ(ended.code, 4);
  EXPECT_THAT(ended.errors, HasSubstr("lossd: --device: expected"));
  EXPECT_EQ(std::count(ended.errors.begin(), ended.errors.end(), '\n'), 1) << ended.errors;
}

TEST(ServerBinaryTest, PortFileThatCannotBeWrittenEndsWithOneNamingIt) {
  const Ended ended = RunLossd({"--listen=127.0.0.1:0", "--admin_listen=", "--http_listen=", "--port_file=/nowhere/x"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.errors, HasSubstr("lossd: --port_file: cannot write /nowhere/x"));
}

TEST(ServerBinaryTest, SecondServerOnAPortEndsWithThreeNamingFlagAndAddress) {
  ASSERT_OK_AND_ASSIGN(const auto server, ServerProcess::Start());
  const Ended ended = RunLossd({"--listen=" + server->address(), "--admin_listen=", "--http_listen="});
  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.errors,
              AllOf(HasSubstr("--listen: cannot bind " + server->address()), HasSubstr("Address already in use")));
  EXPECT_EQ(server->Stop(), 0);
}

TEST(ServerBinaryTest, SocketIsTakenFromADeadServerOnly) {
  const TemporaryFolder folder;
  const std::string path = "unix:" + folder.File("socket");
  ASSERT_OK_AND_ASSIGN(const auto first, ServerProcess::Start({"--listen=" + path}));
  const Ended ended = RunLossd({"--listen=" + path, "--admin_listen=", "--http_listen="});
  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.errors, HasSubstr("--listen: cannot bind " + path));
  first->process().Signal(SIGKILL);
  first->process().Wait();
  ASSERT_OK_AND_ASSIGN(const auto second, ServerProcess::Start({"--listen=" + path}));
  grpc::ClientContext context;
  v1::GetServerInfoResponse info;
  const grpc::Status status = v1::LossService::NewStub(ChannelTo(path))->GetServerInfo(&context, {}, &info);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(second->Stop(), 0);
}

TEST(ServerBinaryTest, HealthcheckTellsARunningServerFromNone) {
  ASSERT_OK_AND_ASSIGN(const auto server, ServerProcess::Start());
  const std::string port_file = "--port_file=" + server->port_file();
  EXPECT_EQ(RunLossd({"--healthcheck", port_file}).code, 0);
  EXPECT_EQ(RunLossd({"--healthcheck", "--admin_listen=" + server->admin_address()}).code, 0);
  EXPECT_EQ(server->Stop(), 0);
  const Ended ended = RunLossd({"--healthcheck", port_file});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.errors, HasSubstr(server->admin_address()));
}

TEST(ServerBinaryTest, EnvironmentAndFlagfileCount) {
  const TemporaryFolder folder;
  std::ofstream(folder.File("flags")) << "# of a test\n--log_format=text\n";
  ASSERT_EQ(setenv("LOSSD_MAX_CONCURRENT_CALLS", "5", 1), 0);
  const auto started = ServerProcess::Start({"--flagfile=" + folder.File("flags")});
  unsetenv("LOSSD_MAX_CONCURRENT_CALLS");
  ASSERT_OK(started);
  ServerProcess& server = **started;
  grpc::ClientContext context;
  v1::GetServerInfoResponse info;
  const auto stub = v1::LossService::NewStub(ChannelTo(server.address()));
  ASSERT_TRUE(stub->GetServerInfo(&context, {}, &info).ok());
  EXPECT_EQ(info.limits().max_concurrent_calls(), 5);
  EXPECT_EQ(server.Stop(), 0);
  EXPECT_THAT(server.process().Errors(), HasSubstr(" INFO serving "));
}

// Stops the server while calls are in every stage.
void ExpectEveryCallAnswered(ServerProcess& server, const std::shared_ptr<grpc::Channel>& channel) {
  constexpr int kCalls = 32;
  const auto stub = v1::LossService::NewStub(channel);
  const v1::ComputeRequest request = ContrastOf(512);
  // Each caller goes on until the server refuses: SIGTERM finds calls in every stage.
  std::vector<std::thread> callers;
  std::vector<int> answered(kCalls, 0);
  std::vector<grpc::Status> ends(kCalls);
  absl::Mutex mu;
  int warm = 0;
  for (int i = 0; i < kCalls; ++i) {
    callers.emplace_back([&, i] {
      while (ends[i].ok()) {
        grpc::ClientContext context;
        v1::ComputeResponse response;
        ends[i] = stub->Compute(&context, request, &response);
        if (ends[i].ok() && answered[i]++ == 0) {
          absl::MutexLock lock(&mu);
          ++warm;
        }
      }
    });
  }
  {
    const auto all_warm = [&warm] { return warm == kCalls; };
    absl::MutexLock lock(&mu);
    mu.Await(absl::Condition(&all_warm));
  }
  EXPECT_EQ(server.Stop(), 0);
  for (std::thread& caller : callers) caller.join();
  for (const grpc::Status& end : ends) {
    EXPECT_EQ(end.error_code(), grpc::StatusCode::UNAVAILABLE) << end.error_message();
  }
  EXPECT_THAT(server.process().Errors(), HasSubstr("\"every_call_answered\":true"));
}

TEST(ServerBinaryTest, TerminationWithCallsInFlightAnswersThemAllAndEndsCleanly) {
  ASSERT_OK_AND_ASSIGN(const auto server, ServerProcess::Start());
  ExpectEveryCallAnswered(*server, ChannelTo(server->address()));
}

TEST(ServerBinaryTest, TerminationOverTlsIsTheSame) {
  const CertificateAuthority authority("authority");
  const CredentialFolder folder;
  folder.Write(authority.Issue("server"));
  ASSERT_OK_AND_ASSIGN(const auto server, ServerProcess::Start({"--tls_cert_file=" + folder.certificate(),
                                                                "--tls_key_file=" + folder.key()}));
  ExpectEveryCallAnswered(*server,
                          ChannelTo(server->address(), grpc::SslCredentials({authority.certificate(), "", ""})));
}

TEST(ServerBinaryTest, SecondSignalEndsItAtOnce) {
  ASSERT_OK_AND_ASSIGN(const auto server, ServerProcess::Start({"--drain_delay=1h"}));
  server->process().Signal(SIGTERM);
  server->process().Signal(SIGINT);
  EXPECT_GE(server->process().Wait(), 128);
}

TEST(ServerBinaryTest, EveryLossAnswers) {
  ASSERT_OK_AND_ASSIGN(const auto server, ServerProcess::Start());
  const auto stub = v1::LossService::NewStub(ChannelTo(server->address()));
  grpc::ClientContext info_context;
  v1::GetServerInfoResponse info;
  ASSERT_TRUE(stub->GetServerInfo(&info_context, {}, &info).ok());
  std::vector<std::string> names;
  for (const v1::LossInfo& loss : info.losses()) names.push_back(loss.name());
  EXPECT_THAT(names, ::testing::ElementsAreArray(kLossNames));
  grpc::ClientContext context;
  v1::ComputeResponse response;
  const grpc::Status status = stub->Compute(&context, ContrastOf(8), &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_GT(response.objective(), 0);
  EXPECT_EQ(response.gradients_size(), 2);
}

}  // namespace
}  // namespace lossd::testing
