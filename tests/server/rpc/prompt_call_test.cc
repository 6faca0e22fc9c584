// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/prompt_call.h"

#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/rpc/small_message.h"
#include "tests/server/running_server.h"
#include "tests/support/raw_call.h"

namespace lossd::testing {
namespace {

using ::testing::HasSubstr;

std::string Handled(const std::string& code) {
  return absl::StrCat("grpc_server_handled_total{grpc_code=\"", code,
                      "\",grpc_method=\"GetServerInfo\",grpc_service=\"lossd.v1.LossService\",grpc_type=\"unary\"}");
}

grpc::Status CallWithBytes(RunningServer& server, const std::string& message) {
  RawCall call(server.channel(), "GetServerInfo");
  call.Write(message);
  call.HalfClose();
  return call.End();
}

TEST(PromptCallTest, MessageThatIsTooLargeIsRefusedAndCounted) {
  RunningServer server;
  const grpc::Status status = CallWithBytes(server, std::string(kMaxSmallMessageBytes + 1, 'x'));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(),
              HasSubstr("expected a lossd.v1.GetServerInfoRequest of at most 65536 bytes, got 65537"));
  server.Stop();
  EXPECT_EQ(server.Metric(Handled("RESOURCE_EXHAUSTED")), 1);
  EXPECT_EQ(server.Metric("lossd_rejected_total{reason=\"message_bytes\"}"), 1);
}

TEST(PromptCallTest, MalformedMessageIsTheCallersMistakeAndCounted) {
  RunningServer server;
  const grpc::Status status = CallWithBytes(server, "\xff\xff");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("expected a lossd.v1.GetServerInfoRequest"));
  server.Stop();
  EXPECT_EQ(server.Metric(Handled("INVALID_ARGUMENT")), 1);
}

TEST(PromptCallTest, CallWithoutAMessageIsTheCallersMistake) {
  RunningServer server;
  RawCall call(server.channel(), "GetServerInfo");
  call.HalfClose();
  EXPECT_EQ(call.End().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST(PromptCallTest, IsRefusedBeforeItsMessageIsSentWhileTheServerDrains) {
  RunningServer server;
  server.backend().Hold();
  PendingCall inside(server, MakeRequest());
  server.backend().AwaitHeld(1);
  RawCall idle(server.channel(), "ComputeStream");
  std::thread shutdown([&] { EXPECT_TRUE(server.server().Shutdown()); });
  EXPECT_EQ(idle.End().error_code(), grpc::StatusCode::UNAVAILABLE);  // Draining has begun.
  RawCall call(server.channel(), "GetServerInfo");
  EXPECT_EQ(call.End().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(call.context().GetServerTrailingMetadata().count("grpc-retry-pushback-ms"), 1);
  server.backend().Release();
  EXPECT_TRUE(inside.Await().ok());
  shutdown.join();
  EXPECT_EQ(server.Metric(Handled("UNAVAILABLE")), 1);
}

}  // namespace
}  // namespace lossd::testing
