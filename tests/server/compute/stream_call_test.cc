// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/compute/stream_call.h"

#include <chrono>
#include <thread>

#include "gmock/gmock.h"
#include "google/protobuf/unknown_field_set.h"
#include "gtest/gtest.h"
#include "tests/server/running_server.h"
#include "tests/support/raw_call.h"

namespace lossd::testing {
namespace {

using ::testing::HasSubstr;

// A stream that a test drives with blocking calls.
class ClientStream {
 public:
  // `deadline` 0: none.
  explicit ClientStream(RunningServer& server, std::chrono::milliseconds deadline = {})
      : stream_(server.stub().ComputeStream(Prepare(deadline))) {}

  bool Send(const v1::ComputeRequest& request) { return stream_->Write(request); }
  bool Send(const std::string& request_id) { return Send(MakeRequest({2}, request_id)); }
  v1::ComputeResponse Read() {
    v1::ComputeResponse response;
    EXPECT_TRUE(stream_->Read(&response));
    return response;
  }
  void HalfClose() { stream_->WritesDone(); }
  grpc::ClientContext& context() { return context_; }
  // Reads on to the end.
  grpc::Status End(int* answers = nullptr) {
    v1::ComputeResponse response;
    while (stream_->Read(&response)) {
      if (answers != nullptr) ++*answers;
    }
    return stream_->Finish();
  }

 private:
  grpc::ClientContext* Prepare(std::chrono::milliseconds deadline) {
    if (deadline.count() > 0) context_.set_deadline(std::chrono::system_clock::now() + deadline);
    return &context_;
  }

  grpc::ClientContext context_;
  const std::unique_ptr<grpc::ClientReaderWriter<v1::ComputeRequest, v1::ComputeResponse>> stream_;
};

TEST(StreamCallTest, AnswersEveryMessageThenEndsOkAfterHalfClose) {
  RunningServer server;
  ClientStream stream(server);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(stream.Send(std::to_string(i)));
  stream.HalfClose();
  int answers = 0;
  EXPECT_TRUE(stream.End(&answers).ok());
  EXPECT_EQ(answers, 100);
}

TEST(StreamCallTest, HalfCloseBeforeTheAnswersStillGetsThemAll) {
  RunningServer server;
  server.backend().Hold();
  ClientStream stream(server);
  ASSERT_TRUE(stream.Send("a"));
  ASSERT_TRUE(stream.Send("b"));
  stream.HalfClose();
  server.backend().AwaitHeld(2);
  server.backend().Release();
  int answers = 0;
  EXPECT_TRUE(stream.End(&answers).ok());
  EXPECT_EQ(answers, 2);
}

TEST(StreamCallTest, AnswersComeAsTheyFinishMatchedById) {
  RunningServer server;
  server.backend().Hold();
  ClientStream stream(server);
  ASSERT_TRUE(stream.Send("slow"));
  server.backend().AwaitHeld(1);
  ASSERT_TRUE(stream.Send(v1::ComputeRequest()));  // Refused at once.
  EXPECT_EQ(stream.Read().status().code(), grpc::StatusCode::INVALID_ARGUMENT);
  server.backend().Release();
  EXPECT_EQ(stream.Read().request_id(), "slow");
  stream.HalfClose();
  EXPECT_TRUE(stream.End().ok());
}

TEST(StreamCallTest, ErrorsAreInBandWithDetailsAndDoNotEndTheStream) {
  RunningServer server;
  ClientStream stream(server);
  v1::ComputeRequest bad = MakeRequest({1}, "bad");
  bad.mutable_inputs(0)->set_data("x");
  ASSERT_TRUE(stream.Send(bad));
  const v1::ComputeResponse refused = stream.Read();
  EXPECT_EQ(refused.request_id(), "bad");
  EXPECT_EQ(refused.status().code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(refused.status().message(), HasSubstr("inputs[x.0].data: expected 4 bytes"));
  EXPECT_EQ(refused.status().details_size(), 1);
  ASSERT_TRUE(stream.Send("good"));
  const v1::ComputeResponse answered = stream.Read();
  EXPECT_EQ(answered.objective(), 2);
  EXPECT_FALSE(answered.has_status());
  stream.HalfClose();
  EXPECT_TRUE(stream.End().ok());
}

TEST(StreamCallTest, IdOfAnOutstandingMessageIsRefusedAndFreeAgainAfterItsAnswer) {
  RunningServer server;
  server.backend().Hold();
  ClientStream stream(server);
  ASSERT_TRUE(stream.Send("same"));
  server.backend().AwaitHeld(1);
  ASSERT_TRUE(stream.Send("same"));
  const v1::ComputeResponse refused = stream.Read();
  EXPECT_THAT(refused.status().message(), HasSubstr("request_id: expected one that no outstanding message"));
  server.backend().Release();
  EXPECT_FALSE(stream.Read().has_status());
  ASSERT_TRUE(stream.Send("same"));
  EXPECT_FALSE(stream.Read().has_status());
  stream.HalfClose();
  EXPECT_TRUE(stream.End().ok());
}

TEST(StreamCallTest, UndecodableMessageIsAnsweredInBandWithAnEmptyId) {
  RunningServer server;
  RawCall call(server.channel(), "ComputeStream");
  ASSERT_TRUE(call.Write("\xff\xff\xff"));
  const auto answer = call.Read();
  ASSERT_TRUE(answer.has_value());
  v1::ComputeResponse response;
  ASSERT_TRUE(response.ParseFromString(*answer));
  EXPECT_EQ(response.request_id(), "");
  EXPECT_EQ(response.status().code(), grpc::StatusCode::INVALID_ARGUMENT);
  call.HalfClose();
  EXPECT_TRUE(call.End().ok());
}

TEST(StreamCallTest, UndecodableMessageDoesNotTakeTheIdThatCanBeReadOfIt) {
  RunningServer server;
  server.backend().Hold();
  RawCall call(server.channel(), "ComputeStream");
  ASSERT_TRUE(call.Write(MakeRequest({1}, "id").SerializeAsString()));
  server.backend().AwaitHeld(1);
  ASSERT_TRUE(call.Write(MakeRequest({1}, "id").SerializeAsString() + "\xff"));
  v1::ComputeResponse refused;
  ASSERT_TRUE(refused.ParseFromString(call.Read().value_or("\xff")));
  EXPECT_EQ(refused.request_id(), "");
  EXPECT_THAT(refused.status().message(), HasSubstr("malformed"));
  server.backend().Release();
}

// Whatever takes longer to decode or to copy.
TEST(StreamCallTest, OfEqualIdsTheOneThatCameFirstIsTaken) {
  v1::ComputeRequest large = MakeRequest(std::vector<float>(ComputePipeline::kMaxBytesAtOnce / 2), "same");
  v1::ComputeRequest odd = MakeRequest({1}, "same");
  for (int i = 0; i < 100'000; ++i) odd.GetReflection()->MutableUnknownFields(&odd)->AddVarint(7, 0);
  for (const v1::ComputeRequest& first : {large, odd}) {
    for (int i = 0; i < 10; ++i) {
      RunningServer server;
      server.backend().Hold();
      ClientStream stream(server);
      ASSERT_TRUE(stream.Send(first));
      ASSERT_TRUE(stream.Send("same"));
      EXPECT_THAT(stream.Read().status().message(), HasSubstr("request_id: expected one"));
      server.backend().AwaitHeld(1);
      server.backend().Release();
      EXPECT_NE(stream.Read().objective(), 2);
      stream.HalfClose();
      EXPECT_TRUE(stream.End().ok());
    }
  }
}

TEST(StreamCallTest, TimeoutIsEachMessagesOwn) {
  RunningServer server;
  ClientStream stream(server);
  v1::ComputeRequest late = MakeRequest({1}, "late");
  late.mutable_options()->mutable_timeout()->set_nanos(1);
  ASSERT_TRUE(stream.Send(late));
  EXPECT_EQ(stream.Read().status().code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  ASSERT_TRUE(stream.Send("in time"));
  EXPECT_FALSE(stream.Read().has_status());
  stream.HalfClose();
  EXPECT_TRUE(stream.End().ok());
}

TEST(StreamCallTest, SmallMessageIsTakenWhereALargeOneWouldFindNoRoom) {
  ServerOptions options = TestOptions();
  options.max_inflight_bytes = 1 << 20;
  RunningServer server(options);
  const v1::ComputeRequest large = MakeRequest(std::vector<float>(100'000));
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(server.Call(large).ok());  // Now unary messages are taken for as large.
  server.backend().Hold();
  PendingCall waiting(server, large);
  server.backend().AwaitHeld(1);
  ClientStream stream(server);
  ASSERT_TRUE(stream.Send("small"));
  server.backend().AwaitHeld(2);
  server.backend().Release();
  EXPECT_FALSE(stream.Read().has_status());
  EXPECT_TRUE(waiting.Await().ok());
}

TEST(StreamCallTest, MessagesBeyondTheNumberOfCallsAreRefusedInBand) {
  ServerOptions options = TestOptions();
  options.max_concurrent_calls = 1;
  RunningServer server(options);
  server.backend().Hold();
  ClientStream stream(server);
  ASSERT_TRUE(stream.Send("first"));
  server.backend().AwaitHeld(1);
  ASSERT_TRUE(stream.Send("second"));
  const v1::ComputeResponse refused = stream.Read();
  EXPECT_EQ(refused.request_id(), "second");
  EXPECT_EQ(refused.status().code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused.status().message(), HasSubstr("--max_concurrent_calls"));
  server.backend().Release();
  EXPECT_EQ(stream.Read().request_id(), "first");
}

TEST(StreamCallTest, ConnectionsMessagesTakeNoPlacesOfAnothers) {
  ServerOptions options = TestOptions();
  options.max_concurrent_streams = 2;
  options.max_concurrent_calls = 3;
  RunningServer server(options);
  server.backend().Hold();
  ClientStream first(server);
  ClientStream second(server);
  ASSERT_TRUE(first.Send("a"));
  ASSERT_TRUE(second.Send("b"));
  server.backend().AwaitHeld(2);
  ASSERT_TRUE(first.Send("c"));
  const v1::ComputeResponse refused = first.Read();
  EXPECT_EQ(refused.request_id(), "c");
  EXPECT_EQ(refused.status().code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused.status().message(), HasSubstr("--max_concurrent_streams"));
  server.backend().Release();
  EXPECT_EQ(first.Read().request_id(), "a");
  EXPECT_EQ(second.Read().request_id(), "b");
  first.HalfClose();
  second.HalfClose();
  EXPECT_TRUE(first.End().ok());
  EXPECT_TRUE(second.End().ok());
}

TEST(StreamCallTest, CancelledStreamTakesItsMessagesOutOfTheQueue) {
  RunningServer server;
  server.backend().Hold();
  ClientStream stream(server);
  ASSERT_TRUE(stream.Send("a"));
  ASSERT_TRUE(stream.Send("b"));
  server.backend().AwaitHeld(2);
  stream.context().TryCancel();
  server.backend().AwaitHeld(0);
  EXPECT_EQ(stream.End().error_code(), grpc::StatusCode::CANCELLED);
}

TEST(StreamCallTest, StreamThatItsDeadlineEndsIsCountedAsExpiredWithItsMessages) {
  RunningServer server;
  server.backend().Hold();
  {
    ClientStream stream(server, std::chrono::milliseconds(300));
    ASSERT_TRUE(stream.Send("a"));
    server.backend().AwaitHeld(1);
    EXPECT_EQ(stream.End().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
    server.backend().AwaitHeld(0);
  }
  const std::string log = server.StopAndGetLog();
  EXPECT_THAT(log, HasSubstr("\"error\":\"deadline exceeded in the queue\""));
  EXPECT_EQ(server.Metric("lossd_dropped_total{reason=\"expired\"}"), 1);
  EXPECT_EQ(server.Metric("grpc_server_handled_total{grpc_code=\"DEADLINE_EXCEEDED\",grpc_method=\"ComputeStream\","
                          "grpc_service=\"lossd.v1.LossService\",grpc_type=\"bidi_stream\"}"),
            1);
}

TEST(StreamCallTest, HoldsNoMoreThanItsWindowOfBytes) {
  ServerOptions options = TestOptions();
  options.max_message_bytes = 1 << 20;
  RunningServer server(options);
  server.backend().Hold();
  ClientStream stream(server);
  const std::vector<float> half_a_window(131'072);
  std::thread writer([&] {
    for (int i = 0; i < 8; ++i) stream.Send(MakeRequest(half_a_window, std::to_string(i)));
    stream.HalfClose();
  });
  // Two messages fill the window; each answer makes room for one more.
  server.backend().AwaitHeld(2);
  for (int i = 0; i < 6; ++i) {
    server.backend().ReleaseOne();
    EXPECT_EQ(stream.Read().request_id(), std::to_string(i));
    server.backend().AwaitHeld(2);
  }
  server.backend().Release();
  int answers = 0;
  EXPECT_TRUE(stream.End(&answers).ok());
  EXPECT_EQ(answers, 2);
  writer.join();
}

TEST(StreamCallTest, StreamWhoseClientDoesNotReadHoldsUpNoOther) {
  RunningServer server;
  ClientStream slow(server);
  const std::vector<float> values(65'536, 1);
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(slow.Send(MakeRequest(values, std::to_string(i))));
  ClientStream other(server);  // On the same connection.
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(other.Send(MakeRequest(values, std::to_string(i))));
    EXPECT_EQ(other.Read().request_id(), std::to_string(i));
  }
  EXPECT_TRUE(server.Call(MakeRequest(values)).ok());
  slow.HalfClose();
  int answers = 0;
  EXPECT_TRUE(slow.End(&answers).ok());
  EXPECT_EQ(answers, 8);
}

TEST(StreamCallTest, IdleStreamEndsUnavailableWhenTheServerDrains) {
  RunningServer server;
  ClientStream stream(server);
  ASSERT_TRUE(stream.Send("a"));
  stream.Read();
  std::thread shutdown([&] { EXPECT_TRUE(server.server().Shutdown()); });
  EXPECT_EQ(stream.End().error_code(), grpc::StatusCode::UNAVAILABLE);
  shutdown.join();
}

TEST(StreamCallTest, DrainingStreamAnswersWhatItTookAndRefusesTheRestInBand) {
  RunningServer server;
  ClientStream idle(server);
  ASSERT_TRUE(idle.Send("a"));
  idle.Read();
  server.backend().Hold();
  ClientStream stream(server);
  ASSERT_TRUE(stream.Send("taken"));
  server.backend().AwaitHeld(1);
  std::thread shutdown([&] { EXPECT_TRUE(server.server().Shutdown()); });
  EXPECT_EQ(idle.End().error_code(), grpc::StatusCode::UNAVAILABLE);  // Draining has begun.
  ASSERT_TRUE(stream.Send("late"));
  const v1::ComputeResponse refused = stream.Read();
  EXPECT_EQ(refused.request_id(), "late");
  EXPECT_EQ(refused.status().code(), grpc::StatusCode::UNAVAILABLE);
  server.backend().Release();
  EXPECT_EQ(stream.Read().request_id(), "taken");
  EXPECT_EQ(stream.End().error_code(), grpc::StatusCode::UNAVAILABLE);
  shutdown.join();
}

TEST(StreamCallTest, MessagesAndStreamAreCounted) {
  RunningServer server;
  {
    ClientStream stream(server);
    ASSERT_TRUE(stream.Send("a"));
    ASSERT_TRUE(stream.Send("b"));
    stream.HalfClose();
    EXPECT_TRUE(stream.End().ok());
  }
  server.Stop();
  EXPECT_EQ(server.Metric("grpc_server_handled_total{grpc_code=\"OK\",grpc_method=\"ComputeStream\","
                          "grpc_service=\"lossd.v1.LossService\",grpc_type=\"bidi_stream\"}"),
            1);
  EXPECT_EQ(server.Metric("lossd_stage_seconds_count{device=\"held\",stage=\"encode\"}"), 2);
}

}  // namespace
}  // namespace lossd::testing
