// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/ops/server_info.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/running_server.h"

namespace lossd::testing {
namespace {

TEST(ServerInfoTest, TellsBuildDevicesLossesAndLimitsOverTheWire) {
  ServerOptions options = TestOptions();
  options.max_message_bytes = 5000;
  options.max_inflight_bytes = 6000;
  options.max_concurrent_calls = 7;
  options.max_request_flops = 8e9;
  RunningServer server(options);
  grpc::ClientContext context;
  v1::GetServerInfoResponse info;
  ASSERT_TRUE(server.stub().GetServerInfo(&context, {}, &info).ok());
  EXPECT_EQ(info.version(), "0.1.0");
  EXPECT_FALSE(info.revision().empty());
  ASSERT_EQ(info.devices_size(), 1);
  EXPECT_EQ(info.devices(0).name(), "held");
  EXPECT_EQ(info.devices(0).threads(), 1);
  ASSERT_EQ(info.losses_size(), 1);
  EXPECT_EQ(info.losses(0).name(), "squared_norm");
  EXPECT_GT(info.losses(0).inputs_size(), 0);
  EXPECT_GT(info.losses(0).dtypes_size(), 0);
  EXPECT_EQ(info.limits().max_message_bytes(), 5000);
  EXPECT_EQ(info.limits().max_inflight_bytes(), 6000);
  EXPECT_EQ(info.limits().max_concurrent_calls(), 7);
  EXPECT_EQ(info.limits().max_request_flops(), 8e9);
  server.Stop();
  EXPECT_EQ(server.Metric("grpc_server_handled_total{grpc_code=\"OK\",grpc_method=\"GetServerInfo\","
                          "grpc_service=\"lossd.v1.LossService\",grpc_type=\"unary\"}"),
            1);
}

}  // namespace
}  // namespace lossd::testing
