// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/ops/health_service.h"

#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "gtest/gtest.h"
#include "server/rpc/small_message.h"
#include "tests/server/running_server.h"
#include "tests/support/raw_call.h"
#include "tests/support/simulated_clock.h"

namespace lossd::testing {
namespace {

using ::grpc::health::v1::Health;
using ::grpc::health::v1::HealthCheckRequest;
using ::grpc::health::v1::HealthCheckResponse;

HealthCheckRequest About(const std::string& service) {
  HealthCheckRequest request;
  request.set_service(service);
  return request;
}

// Serving port and admin port answer alike.
class HealthServiceTest : public ::testing::TestWithParam<bool> {
 protected:
  std::unique_ptr<Health::Stub> Stub() {
    const ServerAddresses& addresses = server_.server().addresses();
    return Health::NewStub(MakeChannel(GetParam() ? addresses.admin_listen[0] : addresses.listen[0]));
  }
  static ServerOptions Options() {
    ServerOptions options = TestOptions();
    options.drain_delay = absl::Minutes(1);
    options.max_concurrent_calls = kPlaces;
    return options;
  }
  static constexpr int kPlaces = 20;
  SimulatedClock clock_;
  RunningServer server_{Options(), clock_};
};

// Watches last: as many as there may be must not keep out who only asks.
TEST_P(HealthServiceTest, WatchesDoNotKeepOutChecks) {
  const auto stub = Stub();
  struct Watch {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<HealthCheckResponse>> reader;
    bool open = false;
  };
  std::vector<std::unique_ptr<Watch>> watches;
  for (int i = 0; i <= kPlaces; ++i) {
    auto watch = std::make_unique<Watch>();
    watch->reader = stub->Watch(&watch->context, About("liveness"));
    HealthCheckResponse response;
    watch->open = watch->reader->Read(&response);
    EXPECT_EQ(watch->open, i < kPlaces) << i;
    watches.push_back(std::move(watch));
  }
  EXPECT_EQ(watches.back()->reader->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  grpc::ClientContext context;
  HealthCheckResponse response;
  EXPECT_TRUE(stub->Check(&context, About("readiness"), &response).ok());
  for (const auto& watch : watches) {
    watch->context.TryCancel();
    if (watch->open) watch->reader->Finish();
  }
}

TEST_P(HealthServiceTest, CheckKnowsTheNamesOfTheContract) {
  const auto stub = Stub();
  for (const char* service : {"", "lossd.v1.LossService", "liveness", "readiness"}) {
    grpc::ClientContext context;
    HealthCheckResponse response;
    ASSERT_TRUE(stub->Check(&context, About(service), &response).ok()) << service;
    EXPECT_EQ(response.status(), HealthCheckResponse::SERVING) << service;
  }
  grpc::ClientContext context;
  HealthCheckResponse response;
  EXPECT_EQ(stub->Check(&context, About("other"), &response).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_P(HealthServiceTest, WatchOfAnUnknownServiceSaysSo) {
  const auto stub = Stub();
  grpc::ClientContext context;
  const auto watch = stub->Watch(&context, About("other"));
  HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVICE_UNKNOWN);
  context.TryCancel();
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

// Neither is parsed beyond a bound, on whatever port.
TEST_P(HealthServiceTest, RefusesMessagesThatAreTooLargeOrMalformed) {
  const ServerAddresses& addresses = server_.server().addresses();
  const auto channel = MakeChannel(GetParam() ? addresses.admin_listen[0] : addresses.listen[0]);
  for (const char* method : {"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"}) {
    RawCall large(channel, method);
    large.Write(std::string(kMaxSmallMessageBytes + 1, 'x'));
    EXPECT_EQ(large.End().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << method;
    RawCall malformed(channel, method);
    malformed.Write("\xff\xff");
    EXPECT_EQ(malformed.End().error_code(), grpc::StatusCode::INVALID_ARGUMENT) << method;
    RawCall none(channel, method);
    none.HalfClose();
    EXPECT_EQ(none.End().error_code(), grpc::StatusCode::INVALID_ARGUMENT) << method;
  }
}

TEST_P(HealthServiceTest, WatchTellsOfTheDrain) {
  const auto stub = Stub();
  grpc::ClientContext ready_context;
  const auto ready = stub->Watch(&ready_context, About("readiness"));
  grpc::ClientContext live_context;
  const auto live = stub->Watch(&live_context, About("liveness"));
  HealthCheckResponse response;
  ASSERT_TRUE(ready->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  ASSERT_TRUE(live->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  std::thread shutdown([&] { EXPECT_TRUE(server_.server().Shutdown()); });
  ASSERT_TRUE(ready->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  clock_.WaitUntilWaiting(1);
  clock_.AdvanceTime(absl::Minutes(1));
  shutdown.join();
  EXPECT_FALSE(live->Read(&response));
}

INSTANTIATE_TEST_SUITE_P(Ports, HealthServiceTest, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "Admin" : "Serving"; });

}  // namespace
}  // namespace lossd::testing
