// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/client.h"

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cpp/fake_loss_service.h"
#include "tests/client/cpp/squared_norm_calls.h"
#include "tests/support/status_matchers.h"

namespace lossd::client {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(ClientTest, ComputesAndReturnsGradients) {
  FakeServer server;
  const auto client = ConnectOrDie(server.target());
  const std::vector<float> x = {3, 4};
  ComputeRequest request = SquaredNormOf(x);
  request.request_id = "mine";
  ASSERT_OK_AND_ASSIGN(const ComputeResponse response, client->Compute(std::move(request)));
  EXPECT_EQ(response.request_id, "mine");
  EXPECT_EQ(response.objective, 12.5);
  ASSERT_NE(response.output("loss"), nullptr);
  EXPECT_THAT(response.output("loss")->elements<float>(), ElementsAre(12.5f));
  ASSERT_NE(response.gradient("x.0"), nullptr);
  EXPECT_THAT(response.gradient("x.0")->elements<float>(), ElementsAre(3, 4));
  EXPECT_EQ(response.gradient("x.1"), nullptr);
}

TEST(ClientTest, WorksOverUnixSockets) {
  const std::string address = "unix:" + ::testing::TempDir() + "/client_test.sock";
  FakeServer server(address);
  const auto client = ConnectOrDie(address);
  EXPECT_OK(client->Compute(SquaredNormOf({1})));
}

TEST(ClientTest, WritesGradientsIntoMemoryOfTheCaller) {
  FakeServer server;
  const auto client = ConnectOrDie(server.target());
  const std::vector<float> x(100000, 2.0f);
  std::vector<float> gradient(x.size());
  ComputeRequest request = SquaredNormOf(x);
  request.gradient_targets = {{"x.0", absl::MakeSpan(reinterpret_cast<std::byte*>(gradient.data()), x.size() * 4)}};
  ASSERT_OK_AND_ASSIGN(const ComputeResponse response, client->Compute(std::move(request)));
  EXPECT_EQ(response.gradient("x.0")->elements<float>().data(), gradient.data());
  EXPECT_EQ(gradient, x);
}

TEST(ClientTest, RefusesTargetsOfTheWrongSize) {
  FakeServer server;
  const auto client = ConnectOrDie(server.target());
  std::byte byte;
  ComputeRequest request = SquaredNormOf({1, 2});
  request.gradient_targets = {{"x.0", absl::MakeSpan(&byte, 1)}};
  EXPECT_THAT(client->Compute(std::move(request)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("gradient_targets[x.0]: expected 8 bytes for [2] of FLOAT32, got 1")));
}

TEST(ClientTest, MovesMessagesBeyondGrpcsDefaultLimit) {
  FakeServer server;
  const auto client = ConnectOrDie(server.target());
  const std::vector<float> x(3 << 20, 1.0f);  // 12 MiB.
  ASSERT_OK_AND_ASSIGN(const ComputeResponse response, client->Compute(SquaredNormOf(x)));
  EXPECT_THAT(response.gradient("x.0")->elements<float>(), SizeIs(x.size()));
}

TEST(ClientTest, NamesItsOptionWhereAMessageIsTooLong) {
  FakeServer server;
  ClientOptions options = FastRetries();
  options.max_message_bytes = 1000;
  const auto client = ConnectOrDie(server.target(), options);
  const std::vector<float> x(1000);
  EXPECT_THAT(client->Compute(SquaredNormOf(x)),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr("exceeds 1000"), HasSubstr("ClientOptions.max_message_bytes"))));
  server.service.on_compute = [](grpc::ServerContext*, const v1::ComputeRequest&, v1::ComputeResponse* response) {
    response->set_request_id(std::string(2000, 'x'));
    return grpc::Status::OK;
  };
  EXPECT_THAT(client->Compute(SquaredNormOf({1})),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("ClientOptions.max_message_bytes")));
}

TEST(ClientTest, TakesItsLimitFromTheServer) {
  FakeServer server;
  server.service.info.mutable_limits()->set_max_message_bytes(1000);
  const auto client = ConnectOrDie(server.target());
  EXPECT_EQ(client->max_message_bytes(), 1000);
  const std::vector<float> x(1000);
  const absl::Status refused = client->Compute(SquaredNormOf(x)).status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("exceeds 1000")));
  EXPECT_EQ(OriginOf(refused), Origin::kClient);
  ClientOptions options = FastRetries();
  options.connect_timeout = absl::ZeroDuration();
  const auto lazy = ConnectOrDie(server.target(), options);
  EXPECT_OK(lazy->Compute(SquaredNormOf(x)));  // It knows no better.
  EXPECT_OK(lazy->GetServerInfo());
  EXPECT_EQ(lazy->max_message_bytes(), 1000);
}

TEST(ClientTest, MakesErrorDetailsAccessible) {
  FakeServer server;
  server.service.on_compute = [](grpc::ServerContext*, const v1::ComputeRequest&, v1::ComputeResponse*) {
    return ToGrpc(Refusal("inputs[anchor.1].shape", "expected rank 4, got 3"));
  };
  const auto client = ConnectOrDie(server.target());
  const absl::Status status = client->Compute(SquaredNormOf({1})).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, "inputs[anchor.1].shape: expected rank 4, got 3"));
  ASSERT_THAT(DetailsOf(status).field_violations, SizeIs(1));
  EXPECT_EQ(DetailsOf(status).field_violations[0].field, "inputs[anchor.1].shape");
  EXPECT_EQ(DetailsOf(status).field_violations[0].description, "expected rank 4, got 3");
  EXPECT_EQ(OriginOf(status), Origin::kServer);
}

TEST(ClientTest, GivesUpAtTheRequestsDeadline) {
  absl::Notification given_up;
  FakeServer server;  // Ends before what its handlers use.
  server.service.on_compute = [&](grpc::ServerContext*, const v1::ComputeRequest&, v1::ComputeResponse*) {
    given_up.WaitForNotification();
    return grpc::Status::OK;
  };
  const auto client = ConnectOrDie(server.target());
  ComputeRequest request = SquaredNormOf({1});
  request.timeout = absl::Milliseconds(20);
  EXPECT_THAT(client->Compute(std::move(request)), StatusIs(absl::StatusCode::kDeadlineExceeded));
  given_up.Notify();
}

TEST(ClientTest, RefusesTimeoutsThatAreNotPositive) {
  FakeServer server;
  const auto client = ConnectOrDie(server.target());
  ComputeRequest request = SquaredNormOf({1});
  request.timeout = absl::ZeroDuration();
  EXPECT_THAT(client->Compute(std::move(request)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("timeout: expected more than 0")));
}

TEST(ClientTest, AnswersCallbacks) {
  FakeServer server;
  const auto client = ConnectOrDie(server.target());
  const std::vector<float> x = {3, 4};
  absl::StatusOr<ComputeResponse> result;
  absl::Notification done;
  client->ComputeAsync(SquaredNormOf(x), [&](absl::StatusOr<ComputeResponse> answer) {
    result = std::move(answer);
    done.Notify();
  });
  done.WaitForNotification();
  ASSERT_OK(result);
  EXPECT_EQ(result->objective, 12.5);
}

TEST(ClientTest, CancelsOnRequest) {
  absl::Notification entered, cancelled;
  FakeServer server;  // Ends before what its handlers use.
  server.service.on_compute = [&](grpc::ServerContext*, const v1::ComputeRequest&, v1::ComputeResponse*) {
    entered.Notify();
    cancelled.WaitForNotification();
    return grpc::Status::OK;
  };
  const auto client = ConnectOrDie(server.target());
  const std::vector<float> x = {1};
  CallHandle call = client->ComputeAsync(SquaredNormOf(x), [&](const absl::StatusOr<ComputeResponse>& answer) {
    EXPECT_THAT(answer, StatusIs(absl::StatusCode::kCancelled));
    cancelled.Notify();
  });
  entered.WaitForNotification();
  call.Cancel();
  cancelled.WaitForNotification();
  call.Cancel();  // Without effect.
}

TEST(ClientTest, DestructionCancelsAndAnswersWhatIsUnderWay) {
  absl::Notification entered, destroyed;
  FakeServer server;  // Ends before what its handlers use.
  server.service.on_compute = [&](grpc::ServerContext*, const v1::ComputeRequest&, v1::ComputeResponse*) {
    entered.Notify();
    destroyed.WaitForNotification();
    return grpc::Status::OK;
  };
  auto client = ConnectOrDie(server.target());
  const std::vector<float> x = {1};
  bool answered = false;
  CallHandle call = client->ComputeAsync(SquaredNormOf(x), [&](const absl::StatusOr<ComputeResponse>& answer) {
    EXPECT_THAT(answer, StatusIs(absl::StatusCode::kCancelled));
    answered = true;
  });
  entered.WaitForNotification();
  client.reset();
  EXPECT_TRUE(answered);
  destroyed.Notify();
  call.Cancel();
}

TEST(ClientTest, SpreadsCallsOverItsChannels) {
  absl::Mutex mu;
  std::set<std::string> peers;
  FakeServer server;  // Ends before what its handlers use.
  server.service.on_compute = [&](grpc::ServerContext* context, const v1::ComputeRequest& request,
                                  v1::ComputeResponse* response) {
    absl::MutexLock lock(&mu);
    peers.insert(context->peer());
    return AnswerSquaredNorm(request, response);
  };
  ClientOptions options = FastRetries();
  options.channels = 3;
  const auto client = ConnectOrDie(server.target(), options);
  for (int i = 0; i < 6; ++i) EXPECT_OK(client->Compute(SquaredNormOf({1})));
  EXPECT_THAT(peers, SizeIs(3));
}

TEST(ClientTest, SendsTheToken) {
  std::string authorization;
  FakeServer server;  // Ends before what its handlers use.
  server.service.on_compute = [&](grpc::ServerContext* context, const v1::ComputeRequest& request,
                                  v1::ComputeResponse* response) {
    const auto found = context->client_metadata().find("authorization");
    if (found != context->client_metadata().end()) authorization = {found->second.data(), found->second.size()};
    return AnswerSquaredNorm(request, response);
  };
  ClientOptions options = FastRetries();
  options.auth_token = "secret";
  EXPECT_OK(ConnectOrDie(server.target(), options)->Compute(SquaredNormOf({1})));
  EXPECT_EQ(authorization, "Bearer secret");
}

TEST(ClientTest, TellsWhatTheServerIs) {
  FakeServer server;
  server.service.info.set_version("1.2.3");
  server.service.info.mutable_limits()->set_max_concurrent_calls(7);
  ASSERT_OK_AND_ASSIGN(const ServerInfo info, ConnectOrDie(server.target())->GetServerInfo());
  EXPECT_EQ(info.version, "1.2.3");
  EXPECT_EQ(info.limits.max_concurrent_calls, 7);
}

TEST(ClientTest, WaitsForAConnectionHoweverLongItMayTake) {
  FakeServer server;
  for (const absl::Duration longest : {absl::InfiniteDuration(), absl::Hours(24) * 365 * 1000, absl::Seconds(60)}) {
    ClientOptions options;
    options.connect_timeout = longest;
    EXPECT_OK(Client::Connect(server.target(), options)) << absl::FormatDuration(longest);
  }
}

TEST(ClientTest, SaysWhereItCouldNotConnect) {
  ClientOptions options = FastRetries();
  options.connect_timeout = absl::Milliseconds(20);
  EXPECT_THAT(Client::Connect("unix:/no/such/socket", options),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("no connection to unix:/no/such/socket within 20ms")));
  options.connect_timeout = absl::ZeroDuration();
  options.patience = absl::ZeroDuration();
  ASSERT_OK_AND_ASSIGN(const auto client, Client::Connect("unix:/no/such/socket", options));
  EXPECT_THAT(client->Compute(SquaredNormOf({1})), StatusIs(absl::StatusCode::kUnavailable));
}

TEST(ClientTest, RefusesTargetsThatGrpcWouldCallElsewhere) {
  for (const char* target : {"localhost", "localhost:99999", "http://localhost:1"}) {
    EXPECT_THAT(Client::Connect(target), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("target: expected")));
  }
}

TEST(ClientTest, RefusesBadOptions) {
  ClientOptions options;
  options.channels = 0;
  EXPECT_THAT(Client::Connect("localhost:1", options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("ClientOptions.channels")));
}

TEST(ClientTest, CallsAnswerDistinctThreadsAtOnce) {
  FakeServer server;
  const auto client = ConnectOrDie(server.target());
  std::vector<std::thread> threads;
  for (int t = 1; t <= 4; ++t) {
    threads.emplace_back([&client, t] {
      const std::vector<float> x(1000, static_cast<float>(t));
      for (int i = 0; i < 20; ++i) {
        const auto response = client->Compute(SquaredNormOf(x));
        ASSERT_OK(response);
        EXPECT_EQ(response->objective, 500.0 * t * t);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace lossd::client
