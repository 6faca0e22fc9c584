// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/rpc_call.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "server/log/logger.h"
#include "server/rpc/library_logs.h"
#include "tests/server/running_server.h"
#include "tests/support/raw_call.h"

namespace lossd::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Handled(const std::string& method, const std::string& type, const std::string& code) {
  return absl::StrCat("grpc_server_handled_total{grpc_code=\"", code, "\",grpc_method=\"", method,
                      "\",grpc_service=\"lossd.v1.LossService\",grpc_type=\"", type, "\"}");
}

TEST(RpcCallTest, IdleStreamThatIsCancelledIsReportedSo) {
  RunningServer server;
  { RawCall idle(server.channel(), "ComputeStream"); }
  EXPECT_TRUE(server.Call(MakeRequest()).ok());
  server.Stop();
  EXPECT_EQ(server.Metric(Handled("ComputeStream", "bidi_stream", "CANCELLED")), 1);
  EXPECT_EQ(server.Metric(Handled("ComputeStream", "bidi_stream", "OK")), 0);
}

TEST(RpcCallTest, IdleStreamWhoseDeadlinePassesIsReportedSo) {
  RunningServer server;
  RawCall idle(server.channel(), "ComputeStream", /*compressed=*/false, std::chrono::milliseconds(300));
  EXPECT_EQ(idle.End().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(server.Call(MakeRequest()).ok());
  server.Stop();
  EXPECT_EQ(server.Metric(Handled("ComputeStream", "bidi_stream", "DEADLINE_EXCEEDED")), 1);
}

TEST(RpcCallTest, UnknownMethodIsToldWhatThereIs) {
  RunningServer server;
  for (const bool admin : {false, true}) {
    const ServerAddresses& addresses = server.server().addresses();
    RawCall call(MakeChannel(admin ? addresses.admin_listen[0] : addresses.listen[0]), "/no.Such/Method");
    const grpc::Status status = call.End();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
    EXPECT_THAT(status.error_message(), HasSubstr("grpc.health.v1.Health"));
    EXPECT_THAT(status.error_message(), HasSubstr("got /no.Such/Method"));
  }
}

TEST(RpcCallTest, CompressedCallIsCountedAsRefusedAndLoggedWithItsPeer) {
  Logger nowhere(LogLevel::kError, LogFormat::kText, [](absl::string_view) {});
  const LibraryLogs library_logs(nowhere);
  RunningServer server;
  RawCall call(server.channel(), "Compute", /*compressed=*/true);
  call.Write(MakeRequest(std::vector<float>(1000)).SerializeAsString());
  EXPECT_EQ(call.End().error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_TRUE(server.Call(MakeRequest()).ok());
  const std::string log = server.StopAndGetLog();
  EXPECT_EQ(server.Metric(Handled("Compute", "unary", "UNIMPLEMENTED")), 1);
  EXPECT_THAT(log, HasSubstr("expected one that is not compressed"));
  EXPECT_THAT(log, Not(HasSubstr("\"peer\":\"unknown\"")));
}

TEST(RpcCallTest, StreamsAndComputationsShareThePlacesAndOperatorsHaveTheirOwn) {
  ServerOptions options = TestOptions();
  options.max_concurrent_calls = 2;
  RunningServer server(options);
  RawCall first(server.channel(), "ComputeStream");
  RawCall second(server.channel(), "ComputeStream");
  const grpc::Status refused = server.Call(MakeRequest());
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused.error_message(), HasSubstr("--max_concurrent_calls"));
  RawCall watch(server.channel(), "/grpc.health.v1.Health/Watch");
  watch.Write(std::string());
  EXPECT_TRUE(watch.Read().has_value());
  RawCall other(server.channel(), "/grpc.health.v1.Health/Watch");
  other.Write(std::string());
  EXPECT_TRUE(other.Read().has_value());
  RawCall third(server.channel(), "/grpc.health.v1.Health/Watch");
  EXPECT_EQ(third.End().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST(RpcCallTest, RefusalThatWillNotPassAsksForNoRetry) {
  ServerOptions options = TestOptions();
  options.max_message_bytes = 1000;
  RunningServer server(options);
  RawCall call(server.channel(), "Compute");
  call.Write(MakeRequest(std::vector<float>(1000)).SerializeAsString());
  EXPECT_EQ(call.End().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  const auto& trailers = call.context().GetServerTrailingMetadata();
  const auto pushback = trailers.find("grpc-retry-pushback-ms");
  ASSERT_NE(pushback, trailers.end());
  EXPECT_EQ(std::string(pushback->second.data(), pushback->second.size()), "-1");
}

TEST(RpcCallTest, LargeMessageOfASmallMethodIsRefusedWhileItArrives) {
  RunningServer server;
  for (const char* method : {"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch", "GetServerInfo"}) {
    RawCall call(server.channel(), method);
    call.Write(std::string(8 << 20, 'x'));
    const grpc::Status status = call.End();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << method;
    EXPECT_THAT(status.error_message(), HasSubstr("at most 65536 bytes")) << method;
  }
}

// Reads two messages and answers the second. When the first has come, and the second is being read, the first is
// refused: that was decided in the moment in which the last of it came.
class TwiceReadCall final : public RpcCall {
 public:
  TwiceReadCall(const RpcMethodRules& rules, CallQueue& queue, Admission& admission)
      : RpcCall(rules, queue), admission_(admission) {}

 private:
  void OnEntered() override { Read(*admission_.ReserveBytes(0)); }
  void OnMessage(ReceivedMessage message, Reservation) override {
    if (++messages_ == 2) return WriteAndFinish(grpc::ByteBuffer(message.slices().data(), message.slices().size()));
    Read(*admission_.ReserveBytes(0));
    static_cast<MessageReader&>(*this).OnMessageRefused(1, absl::ResourceExhaustedError("too late"));
  }

  Admission& admission_;
  int messages_ = 0;
};

TEST(RpcCallTest, RefusalOfAMessageThatHasComeDoesNotEndTheNextOne) {
  const ServerOptions options = TestOptions();
  Logger nowhere(LogLevel::kError, LogFormat::kText, [](absl::string_view) {});
  Metrics metrics;
  Inflow inflow(nowhere, RealClock());
  TransferWatch watch(absl::InfiniteDuration());
  CallReporter reporter(metrics, nowhere);
  const RpcEnvironment environment{inflow, watch, reporter, metrics, RealClock(), options};
  CallGate gate;
  Admission admission(1 << 20, 10);
  MessageBudget messages(admission, InflowConnection::Kind::kStream, 1 << 20);
  RawService service({"/lossd.v1.LossService/ComputeStream"});
  const RpcMethodRules rules =
      ForMethod({.environment = environment, .gate = gate, .admission = admission, .messages = messages}, service, 0,
                [&](const RpcMethodRules& own, CallQueue& queue) {
                  return std::make_shared<TwiceReadCall>(own, queue, admission);
                });
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
  queues.push_back(builder.AddCompletionQueue());
  auto threads = std::make_unique<CompletionThreads>(std::move(queues), nowhere);
  const auto server = builder.BuildAndStart();
  RpcCall::Await(rules, *threads->queues()[0]);
  threads->Start();
  {
    RawCall call(MakeChannel(absl::StrCat("127.0.0.1:", port)), "ComputeStream");
    call.Write(std::string("first"));
    call.Write(std::string("second"));
    EXPECT_EQ(call.Read(), "second");
    EXPECT_TRUE(call.End().ok());
  }
  server->Shutdown();
  threads.reset();
}

}  // namespace
}  // namespace lossd::testing
