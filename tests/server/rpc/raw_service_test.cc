// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/raw_service.h"

#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "tests/server/running_server.h"

namespace lossd::testing {
namespace {

TEST(RawServiceTest, CallIsHandedOverBeforeItsMessageIsSent) {
  RawService service({"/lossd.v1.LossService/ComputeStream", "/lossd.v1.LossService/Compute"});
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const auto queue = builder.AddCompletionQueue();
  const auto server = builder.BuildAndStart();
  grpc::ServerContext server_context;
  RawStream server_stream(&server_context);
  service.Request(1, &server_context, &server_stream, queue.get(), nullptr);

  // As a stream, a call can be opened without its message.
  const auto channel = MakeChannel("127.0.0.1:" + std::to_string(port));
  const grpc::internal::RpcMethod method("/lossd.v1.LossService/Compute", grpc::internal::RpcMethod::BIDI_STREAMING,
                                         channel);
  grpc::ClientContext context;
  const std::unique_ptr<grpc::ClientReaderWriter<v1::ComputeRequest, v1::ComputeResponse>> client(
      grpc::internal::ClientReaderWriterFactory<v1::ComputeRequest, v1::ComputeResponse>::Create(channel.get(), method,
                                                                                                 &context));
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue->Next(&tag, &ok));
  EXPECT_TRUE(ok);

  server_stream.Finish(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "unread"), nullptr);
  queue->Next(&tag, &ok);
  EXPECT_EQ(client->Finish().error_message(), "unread");
  server->Shutdown();
  queue->Shutdown();
  while (queue->Next(&tag, &ok)) {
  }
}

}  // namespace
}  // namespace lossd::testing
