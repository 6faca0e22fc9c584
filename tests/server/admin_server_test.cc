// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/admin_server.h"

#include <thread>

#include "gmock/gmock.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "tests/server/running_server.h"

namespace lossd::testing {
namespace {

// The status of an empty unary call.
grpc::Status CallEmpty(const std::string& address, const std::string& method) {
  grpc::GenericStub stub(MakeChannel(address));
  const grpc::Slice nothing;
  const grpc::ByteBuffer request(&nothing, 1);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  auto call = stub.PrepareUnaryCall(&context, method, request, &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  return status;
}

TEST(AdminServerTest, OffersChannelzAndNotTheService) {
  RunningServer server;
  const std::string admin = server.server().addresses().admin_listen[0];
  EXPECT_TRUE(CallEmpty(admin, "/grpc.channelz.v1.Channelz/GetServers").ok());
  EXPECT_EQ(CallEmpty(admin, "/lossd.v1.LossService/GetServerInfo").error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST(AdminServerTest, AnswersProbesWhileTheServiceDrains) {
  RunningServer server;
  server.backend().Hold();
  PendingCall call(server, MakeRequest());
  server.backend().AwaitHeld(1);
  const auto stub = grpc::health::v1::Health::NewStub(MakeChannel(server.server().addresses().admin_listen[0]));
  grpc::ClientContext watch_context;
  grpc::health::v1::HealthCheckRequest request;
  const auto watch = stub->Watch(&watch_context, request);
  grpc::health::v1::HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  std::thread shutdown([&] { EXPECT_TRUE(server.server().Shutdown()); });
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
  grpc::ClientContext context;
  request.set_service("liveness");
  ASSERT_TRUE(stub->Check(&context, request, &response).ok());
  EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
  server.backend().Release();
  EXPECT_TRUE(call.Await().ok());
  shutdown.join();
}

}  // namespace
}  // namespace lossd::testing
