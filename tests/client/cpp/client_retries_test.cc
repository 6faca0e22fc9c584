// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a Client makes of calls that fail for a while.

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "client/cpp/client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cpp/fake_loss_service.h"
#include "tests/client/cpp/squared_norm_calls.h"
#include "tests/support/status_matchers.h"

namespace lossd::client {
namespace {

using ::lossd::testing::StatusIs;

TEST(ClientRetriesTest, RetriesUnavailableAlsoForLargeRequests) {
  std::atomic<int> attempts = 0;
  FakeServer server;  // Ends before what its handlers use.
  server.service.on_compute = [&](grpc::ServerContext*, const v1::ComputeRequest& request,
                                  v1::ComputeResponse* response) {
    if (++attempts < 4) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "draining");
    return AnswerSquaredNorm(request, response);
  };
  const auto client = ConnectOrDie(server.target());
  const std::vector<float> x(1 << 20, 1.0f);  // 4 MiB.
  ASSERT_OK_AND_ASSIGN(const ComputeResponse response, client->Compute(SquaredNormOf(x)));
  EXPECT_EQ(attempts, 4);
  EXPECT_EQ(response.objective, 0.5 * (1 << 20));
}

TEST(ClientRetriesTest, RetriesNothingElse) {
  std::atomic<int> attempts = 0;
  FakeServer server;  // Ends before what its handlers use.
  server.service.on_compute = [&](grpc::ServerContext*, const v1::ComputeRequest&, v1::ComputeResponse*) {
    ++attempts;
    return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "full");
  };
  const auto client = ConnectOrDie(server.target());
  EXPECT_THAT(client->Compute(SquaredNormOf({1})), StatusIs(absl::StatusCode::kResourceExhausted, "full"));
  EXPECT_EQ(attempts, 1);
}

// Refuses the first calls for a limit, naming a delay by `pushback`.
FakeLossService::ComputeHandler FullAtFirst(int refusals, const std::string& pushback, std::atomic<int>& attempts) {
  return
      [=, &attempts](grpc::ServerContext* context, const v1::ComputeRequest& request, v1::ComputeResponse* response) {
        if (++attempts > refusals) return AnswerSquaredNorm(request, response);
        context->AddTrailingMetadata("grpc-retry-pushback-ms", pushback);
        return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "full");
      };
}

TEST(ClientRetriesTest, WaitsAsLongAsALimitWants) {
  std::atomic<int> attempts = 0;
  FakeServer server;  // Ends before what its handlers use.
  server.service.on_compute = FullAtFirst(2, "30", attempts);
  const auto client = ConnectOrDie(server.target());
  EXPECT_OK(client->Compute(SquaredNormOf({1})));
  EXPECT_EQ(attempts, 3);
  absl::Notification done;
  attempts = 0;
  client->ComputeAsync(SquaredNormOf({1}), [&](const absl::StatusOr<ComputeResponse>& answer) {
    EXPECT_OK(answer);
    done.Notify();
  });
  done.WaitForNotification();
  EXPECT_EQ(attempts, 3);
}

TEST(ClientRetriesTest, GivesUpWhereTheServerSaysSoOrTimeDoesNotSuffice) {
  std::atomic<int> attempts = 0;
  FakeServer server;  // Ends before what its handlers use.
  server.service.on_compute = FullAtFirst(99, "-1", attempts);
  const auto client = ConnectOrDie(server.target());
  EXPECT_THAT(client->Compute(SquaredNormOf({1})), StatusIs(absl::StatusCode::kResourceExhausted, "full"));
  EXPECT_EQ(attempts, 1);
  server.service.on_compute = FullAtFirst(99, "60000", attempts);
  ComputeRequest request = SquaredNormOf({1});
  request.timeout = absl::Seconds(30);
  EXPECT_THAT(client->Compute(std::move(request)), StatusIs(absl::StatusCode::kResourceExhausted, "full"));
  EXPECT_EQ(attempts, 2);
}

TEST(ClientRetriesTest, ACallThatWaitsForItsNextAttemptCanBeCancelled) {
  absl::Notification refused, done;
  FakeServer server;  // Ends before what its handlers use.
  server.service.on_compute = [&](grpc::ServerContext* context, const v1::ComputeRequest&, v1::ComputeResponse*) {
    context->AddTrailingMetadata("grpc-retry-pushback-ms", "20000");
    refused.Notify();
    return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "full");
  };
  const auto client = ConnectOrDie(server.target());
  CallHandle call = client->ComputeAsync(SquaredNormOf({1}), [&](const absl::StatusOr<ComputeResponse>& answer) {
    EXPECT_THAT(answer, StatusIs(absl::StatusCode::kCancelled));
    done.Notify();
  });
  refused.WaitForNotification();
  call.Cancel();
  done.WaitForNotification();
}

TEST(ClientRetriesTest, WaitsForAServerThatRestarts) {
  auto server = std::make_unique<FakeServer>();
  const std::string target = server->target();
  const auto client = ConnectOrDie(target);
  EXPECT_OK(client->Compute(SquaredNormOf({1})));
  server.reset();
  constexpr int kCalls = 20;
  absl::BlockingCounter answered(kCalls);
  for (int i = 0; i < kCalls; ++i) {
    client->ComputeAsync(SquaredNormOf({3, 4}), [&](const absl::StatusOr<ComputeResponse>& answer) {
      EXPECT_OK(answer);
      answered.DecrementCount();
    });
  }
  server = std::make_unique<FakeServer>(target);
  answered.Wait();
}

}  // namespace
}  // namespace lossd::client
