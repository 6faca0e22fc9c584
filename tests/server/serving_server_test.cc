// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/serving_server.h"

#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/running_server.h"
#include "tests/support/held_backend.h"
#include "tests/support/status_matchers.h"

namespace lossd::testing {
namespace {

class ServingServerTest : public ::testing::Test {
 protected:
  std::unique_ptr<ServingServer> Start() {
    auto credentials = CredentialFiles::Load(options_);
    EXPECT_OK(credentials);
    credentials_ = *std::move(credentials);
    auto server =
        ServingServer::Start({options_, *credentials_, backend_, metrics_, health_, logger_, RealClock(), inflow_});
    EXPECT_OK(server);
    return *std::move(server);
  }

  ServerOptions options_ = TestOptions();
  std::unique_ptr<CredentialFiles> credentials_;
  HeldBackend backend_;
  Metrics metrics_;
  HealthStates health_;
  Logger logger_{LogLevel::kError, LogFormat::kJson, [](absl::string_view) {}};
  Inflow inflow_{logger_, RealClock()};
};

TEST_F(ServingServerTest, ReservesBytesWhileACallIsInside) {
  const auto server = Start();
  backend_.Hold();
  const auto stub = v1::LossService::NewStub(MakeChannel(server->addresses()[0]));
  std::thread caller([&] {
    grpc::ClientContext context;
    v1::ComputeResponse response;
    EXPECT_TRUE(stub->Compute(&context, MakeRequest(std::vector<float>(1000)), &response).ok());
  });
  backend_.AwaitHeld(1);
  EXPECT_GE(server->admission().inflight_bytes(), 8000);
  EXPECT_EQ(server->admission().calls(), 1);
  backend_.Release();
  caller.join();
  EXPECT_TRUE(server->Shutdown(absl::InfiniteFuture()));
  EXPECT_EQ(server->admission().inflight_bytes(), 0);
  EXPECT_EQ(server->admission().calls(), 0);
}

// gRPC then makes room by ending calls and closing connections, also where the last reference to a message's bytes is
// dropped, on whatever thread of ours that is.
TEST_F(ServingServerTest, SurvivesMessagesThatTheTransportHasNoMemoryFor) {
  constexpr size_t kBytes = size_t{3} << 20;
  constexpr int kCallers = 30;  // Each with a connection of its own.
  options_.transport_memory_bytes = 4 * kBytes;
  const auto server = Start();
  const v1::ComputeRequest request = MakeRequest(std::vector<float>(kBytes / sizeof(float)));
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&] {
      const auto stub = v1::LossService::NewStub(MakeChannel(server->addresses()[0]));
      for (int call = 0; call < 8; ++call) {
        grpc::ClientContext context;
        context.set_wait_for_ready(true);
        v1::ComputeResponse response;
        const grpc::Status status = stub->Compute(&context, request, &response);
        EXPECT_NE(status.error_code(), grpc::StatusCode::INTERNAL) << status.error_message();
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  v1::ComputeResponse response;
  const auto stub = v1::LossService::NewStub(MakeChannel(server->addresses()[0]));
  EXPECT_TRUE(stub->Compute(&context, MakeRequest(), &response).ok());
}

TEST_F(ServingServerTest, DestructionCutsOffWhatIsInsideAndLeavesNothingBehind) {
  auto server = Start();
  backend_.Hold();
  const auto stub = v1::LossService::NewStub(MakeChannel(server->addresses()[0]));
  std::thread caller([&] {
    grpc::ClientContext context;
    v1::ComputeResponse response;
    EXPECT_EQ(stub->Compute(&context, MakeRequest(), &response).error_code(), grpc::StatusCode::UNAVAILABLE);
  });
  backend_.AwaitHeld(1);
  server.reset();
  caller.join();
  EXPECT_EQ(backend_.queue_depth().requests, 0);
}

}  // namespace
}  // namespace lossd::testing
