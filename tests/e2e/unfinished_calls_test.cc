// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Calls that are left unfinished, of every method on both ports of the real binary: whatever becomes of a call, the
// server lives, stops properly, and its sanitizer, where it has one, finds nothing.

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "client/load/socket_connection.h"
#include "gtest/gtest.h"
#include "tests/e2e/watched_server.h"
#include "tests/support/http2/frames.h"
#include "tests/support/raw_call.h"
#include "tests/support/status_matchers.h"

namespace lossd::testing {
namespace {

using std::chrono::microseconds;

// Each way of leaving, so often for a method and port; thousands in all.
constexpr int kTimes = 40;

const std::vector<std::string>& Methods() {
  static const auto* const methods =
      new std::vector<std::string>{"/lossd.v1.LossService/Compute",
                                   "/lossd.v1.LossService/ComputeStream",
                                   "/lossd.v1.LossService/GetServerInfo",
                                   "/grpc.health.v1.Health/Check",
                                   "/grpc.health.v1.Health/Watch",
                                   "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                                   "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                                   "/grpc.channelz.v1.Channelz/GetServers",
                                   "/no.such.Service/Method"};
  return *methods;
}

// A message that every method takes as one of its own.
std::string MessageFor(const std::string& method) {
  if (method.find("LossService/Compute") != std::string::npos) return NormRequest(10).SerializeAsString();
  if (method.find("Reflection") != std::string::npos) return std::string("\x3a\0", 2);  // list_services: "".
  return "";
}

// Some time between nothing and twice what a slow server takes for a call, the i-th of a fixed series.
microseconds Moment(int i) {
  constexpr int kMoments[] = {0, 100, 300, 1000, 2000, 3000, 5000, 8000, 12000, 20000};
  return microseconds(kMoments[i % std::size(kMoments)]);
}

// Waits for the server to answer a call of health: it lives, and what was started before has been seen.
void ExpectHealthy(const std::string& address) {
  const auto channel = OwnChannel(address);
  RawCall call(channel, "/grpc.health.v1.Health/Check");
  call.Write(std::string());
  call.HalfClose();
  const grpc::Status status = call.End();
  ASSERT_TRUE(status.ok()) << status.error_message();
}

// Method and port: whether it is the admin one.
class UnfinishedCallsTest : public ::testing::TestWithParam<std::tuple<std::string, bool>> {
 protected:
  const std::string& method() const { return std::get<0>(GetParam()); }
  const std::string& address() {
    return std::get<1>(GetParam()) ? server_.process().admin_address() : server_.process().address();
  }

  // The server is as well as before, and ends with everything freed.
  void ExpectWell() {
    ExpectHealthy(server_.process().address());
    ExpectHealthy(server_.process().admin_address());
    EXPECT_EQ(server_.process().Stop(), 0) << server_.process().process().Errors();
  }

  WatchedServer server_{{"--threads=1", "--log_level=warning"}};
};

TEST_P(UnfinishedCallsTest, DeadlinesThatPassAtAnyMomentDoNoHarm) {
  for (int i = 0; i < kTimes; ++i) {
    const auto channel = OwnChannel(address());
    for (const bool written : {false, true}) {
      const auto deadline =
          std::chrono::duration_cast<std::chrono::milliseconds>(Moment(i)) + std::chrono::milliseconds(1);
      RawCall call(channel, method(), /*compressed=*/false, deadline);
      if (written) call.Write(MessageFor(method()));
      call.End();
    }
  }
  ExpectWell();
}

TEST_P(UnfinishedCallsTest, CancelsAtAnyMomentDoNoHarm) {
  for (int i = 0; i < kTimes; ++i) {
    const auto channel = OwnChannel(address());
    for (const int stage : {0, 1, 2, 3}) {
      RawCall call(channel, method());  // Cancelled by its end.
      if (stage > 0) call.Write(MessageFor(method()));
      if (stage > 1) absl::SleepFor(absl::FromChrono(Moment(i)));
      if (stage > 2) call.HalfClose();
    }
  }
  ExpectWell();
}

TEST_P(UnfinishedCallsTest, ClientsThatVanishAtAnyMomentDoNoHarm) {
  const std::string message = MessageFor(method());
  const std::string bytes = ConnectionPreface() + HeadersOf(1, {.path = method()}) +
                            DataOf(1, MessagePrefix(static_cast<uint32_t>(message.size())) + message, /*last=*/true);
  for (size_t i = 0; i < kTimes; ++i) {
    auto connection = load::SocketConnection::Open(address(), absl::Seconds(10));
    ASSERT_OK(connection.status());
    connection->Write(bytes.substr(0, bytes.size() * i / (kTimes - 1))).IgnoreError();
    if (i % 2 == 1) absl::SleepFor(absl::FromChrono(Moment(static_cast<int>(i / 2))));
  }
  ExpectWell();
}

INSTANTIATE_TEST_SUITE_P(
    EveryMethodOnBothPorts, UnfinishedCallsTest, ::testing::Combine(::testing::ValuesIn(Methods()), ::testing::Bool()),
    [](const auto& test) {
      const std::string& method = std::get<0>(test.param);
      return (std::get<1>(test.param) ? "Admin" : "Serving") + absl::StrReplaceAll(method, {{"/", "_"}, {".", "_"}});
    });

}  // namespace
}  // namespace lossd::testing
