// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/ops/channelz_service.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/running_server.h"
#include "tests/support/raw_call.h"

namespace lossd::testing {
namespace {

using ::testing::HasSubstr;

class ChannelzServiceTest : public ::testing::Test {
 protected:
  // What a method of the admin port answers to `request`.
  grpc::Status Call(const std::string& method, const std::string& request, std::string* response = nullptr) {
    RawCall call(MakeChannel(server_.server().addresses().admin_listen[0]), "/grpc.channelz.v1.Channelz/" + method);
    call.Write(request);
    call.HalfClose();
    const auto answer = call.Read();
    if (answer.has_value() && response != nullptr) *response = *answer;
    return call.End();
  }

  RunningServer server_;
};

TEST_F(ChannelzServiceTest, ListsTheServersAndTheChannelsOfTheProcess) {
  std::string servers;
  ASSERT_TRUE(Call("GetServers", "", &servers).ok());
  EXPECT_FALSE(servers.empty());  // At least those of this test.
  EXPECT_TRUE(Call("GetTopChannels", "").ok());
}

TEST_F(ChannelzServiceTest, IdThatDoesNotExistIsNotFound) {
  const std::string request = {'\x08', '\xff', '\xff', '\xff', '\x7f'};  // Field 1: 268435455.
  for (const char* method : {"GetServer", "GetServerSockets", "GetChannel", "GetSubchannel", "GetSocket"}) {
    EXPECT_EQ(Call(method, request).error_code(), grpc::StatusCode::NOT_FOUND) << method;
  }
}

TEST_F(ChannelzServiceTest, MalformedRequestIsTheCallersMistake) {
  const grpc::Status status = Call("GetServers", "\xff\xff");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("grpc.channelz.v1.GetServersRequest"));
}

}  // namespace
}  // namespace lossd::testing
