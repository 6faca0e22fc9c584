// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/rpc_call.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "server/log/logger.h"
#include "server/rpc/library_logs.h"
#include "tests/server/running_server.h"
#include "tests/support/http2/byte_stream.h"
#include "tests/support/http2/frames.h"
#include "tests/support/raw_call.h"
#include "tests/support/status_matchers.h"

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

// A service of one method, served here with calls of the test's own.
class OwnService {
 public:
  OwnService(const std::string& method, InflowConnection::Kind kind, RpcMethodRules::Maker make)
      : messages_(admission_, kind, 1 << 20),
        service_({method.c_str()}),
        rules_(ForMethod({.environment = environment_, .gate = gate_, .admission = admission_, .messages = messages_},
                         service_, 0, std::move(make))) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&service_);
    std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
    queues.push_back(builder.AddCompletionQueue());
    threads_ = std::make_unique<CompletionThreads>(std::move(queues), nowhere_);
    server_ = builder.BuildAndStart();
    RpcCall::Await(rules_, *threads_->queues()[0]);
    threads_->Start();
  }
  ~OwnService() {
    server_->Shutdown(std::chrono::system_clock::now());
    threads_.reset();
  }

  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }
  Admission& admission() { return admission_; }
  TransferWatch& watch() { return watch_; }

 private:
  const ServerOptions options_ = TestOptions();
  Logger nowhere_{LogLevel::kError, LogFormat::kText, [](absl::string_view) {}};
  Metrics metrics_;
  Inflow inflow_{nowhere_, RealClock()};
  TransferWatch watch_{absl::Hours(24)};  // Tests sweep.
  CallReporter reporter_{metrics_, nowhere_};
  const RpcEnvironment environment_{inflow_, watch_, reporter_, metrics_, RealClock(), options_};
  CallGate gate_;
  Admission admission_{1 << 20, 10};
  MessageBudget messages_;
  RawService service_;
  const RpcMethodRules rules_;
  int port_ = 0;
  std::unique_ptr<CompletionThreads> threads_;
  std::unique_ptr<grpc::Server> server_;
};

// Reads two messages and answers the second. When the first has come, and the second is being read, the first is
// refused: that was decided in the moment in which the last of it came.
class TwiceReadCall final : public RpcCall {
 public:
  using RpcCall::RpcCall;

 private:
  void OnEntered() override { Read(std::move(reservation())); }
  void OnMessage(ReceivedMessage message, Reservation reservation) override {
    if (++messages_ == 2) return WriteAndFinish(grpc::ByteBuffer(message.slices().data(), message.slices().size()));
    Read(std::move(reservation));
    static_cast<MessageReader&>(*this).OnMessageRefused(1, absl::ResourceExhaustedError("too late"));
  }

  int messages_ = 0;
};

TEST(RpcCallTest, RefusalOfAMessageThatHasComeDoesNotEndTheNextOne) {
  OwnService service("/lossd.v1.LossService/ComputeStream", InflowConnection::Kind::kStream,
                     [](const auto& rules, CallQueue& queue) { return std::make_shared<TwiceReadCall>(rules, queue); });
  RawCall call(MakeChannel(service.address()), "ComputeStream");
  call.Write(std::string("first"));
  call.Write(std::string("second"));
  EXPECT_EQ(call.Read(), "second");
  EXPECT_TRUE(call.End().ok());
}

// Two calls: the first one's message is refused, and comes while that is done.
struct Refusal {
  std::shared_ptr<MessageReader> call;
  absl::Notification is_read;
  absl::Notification next_came;
  std::function<void()> let_message_come;
  std::atomic<int> messages = 0;
};

class RefusedCall final : public RpcCall {
 public:
  RefusedCall(const RpcMethodRules& rules, CallQueue& queue, Refusal& refusal)
      : RpcCall(rules, queue), refusal_(refusal) {}

 private:
  void OnEntered() override {
    if (refusal_.is_read.HasBeenNotified()) {
      refusal_.next_came.Notify();
      return Finish(absl::OkStatus());
    }
    Read(std::move(reservation()));
    refusal_.call = shared_from_this();
    refusal_.is_read.Notify();
  }
  void OnMessage(ReceivedMessage, Reservation) override { ++refusal_.messages; }
  void OnRefused(const absl::Status&) override { refusal_.let_message_come(); }

  Refusal& refusal_;
};

// Whoever has a message has the call until it is answered: one that is refused comes no more, also in that moment.
TEST(RpcCallTest, MessageThatIsBeingRefusedDoesNotComeAnyMore) {
  Refusal refusal;
  OwnService service(
      "/lossd.v1.LossService/Compute", InflowConnection::Kind::kUnary,
      [&](const auto& rules, CallQueue& queue) { return std::make_shared<RefusedCall>(rules, queue, refusal); });
  const auto channel = MakeChannel(service.address());
  RawCall call(channel, "Compute");
  refusal.is_read.WaitForNotification();
  refusal.let_message_come = [&] {
    call.Write(std::string("x"));
    EXPECT_TRUE(RawCall(channel, "Compute").End().ok());  // What comes later on the same queue has come.
    refusal.next_came.WaitForNotification();
  };
  std::exchange(refusal.call, nullptr)->OnMessageRefused(1, absl::ResourceExhaustedError("no room"));
  EXPECT_EQ(call.End().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(refusal.messages, 0);
}

// What one call of BigAnswerCall comes to.
struct BigAnswer {
  absl::Notification begun;
  absl::Notification ended;
  absl::Status status;
};

// Answers with 64 MB.
class BigAnswerCall final : public RpcCall {
 public:
  BigAnswerCall(const RpcMethodRules& rules, CallQueue& queue, BigAnswer& answer)
      : RpcCall(rules, queue), answer_(answer) {}

 private:
  void OnEntered() override { Read(std::move(reservation())); }
  void OnMessage(ReceivedMessage, Reservation) override {
    const grpc::Slice content(std::string(64 << 20, 'x'));
    WriteAndFinish(grpc::ByteBuffer(&content, 1));
    answer_.begun.Notify();
  }
  void OnEnded(const absl::Status& status, absl::Time) override {
    answer_.status = status;
    answer_.ended.Notify();
  }

  BigAnswer& answer_;
};

// What a socket has taken goes nowhere until the connection is cut; then the transport says that all of it has left.
TEST(RpcCallTest, AnswerWhoseConnectionWasCutHasNotLeft) {
  BigAnswer answer;
  OwnService service(
      "/lossd.v1.LossService/Compute", InflowConnection::Kind::kUnary,
      [&](const auto& rules, CallQueue& queue) { return std::make_shared<BigAnswerCall>(rules, queue, answer); });
  ASSERT_OK_AND_ASSIGN(const auto client, ByteStream::Open(service.address(), {.receive_buffer = 4096}));
  const std::string call = ConnectionPreface(kLargestWindow) + WindowUpdateOf(0, kLargestWindow - kDefaultWindow) +
                           HeadersOf(1, {}) + DataOf(1, MessagePrefix(1) + "x", /*last=*/true);
  ASSERT_EQ(client->Write(call), call.size());
  answer.begun.WaitForNotification();
  for (int i = 0; i < 6; ++i) service.watch().Sweep();
  answer.ended.WaitForNotification();
  EXPECT_THAT(answer.status, StatusIs(absl::StatusCode::kCancelled, HasSubstr("--transfer_timeout")));
}

}  // namespace
}  // namespace lossd::testing
