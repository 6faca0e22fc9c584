// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Answers that nobody takes, and calls that say nothing, against the real binary.

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/scheduling/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/siege.h"
#include "tests/support/http2/frames.h"

namespace lossd::testing {
namespace {

constexpr double kMegabytes = 150;  // Over idle, beside what --max_inflight_bytes allows.
constexpr char kComputeStream[] = "/lossd.v1.LossService/ComputeStream";

class SlowTransferTest : public ::testing::TestWithParam<bool> {
 protected:
  static bool Tls() { return GetParam(); }
};

// Asks for an answer of 20 MB with every window open, and takes 64 KB of it every four seconds.
RoguePlan SlowReader(const std::string& path) {
  RoguePlan plan;
  plan.path = path;
  plan.message = std::make_shared<const std::string>(NormRequest(5'000'000).SerializeAsString());
  plan.sent = static_cast<int64_t>(plan.message->size());
  plan.announced = static_cast<uint32_t>(plan.sent);
  plan.half_close = true;
  plan.window = kLargestWindow;
  plan.read_bytes = 64 << 10;
  plan.read_pause = absl::Seconds(4);
  return plan;
}

constexpr int64_t kReadersInflight = 150'000'000;

std::vector<std::string> FlagsForReaders() {
  return {"--max_message_bytes=33554432", absl::StrCat("--max_inflight_bytes=", kReadersInflight),
          "--shutdown_timeout=3s"};
}

TEST_P(SlowTransferTest, SlowReadersAreCutOffAndTheirBytesComeBack) {
  Siege siege({.tls = Tls(), .flags = FlagsForReaders()});
  siege.Add(siege.serving_address(), SlowReader("/lossd.v1.LossService/Compute"), true, 6);
  siege.Add(siege.serving_address(), SlowReader(kComputeStream), true, 6);
  siege.AwaitSent();
  const absl::Time start = RealClock().TimeNow();
  siege.Hold("slow readers", Siege::kTransferTimeout / 2);
  siege.server().AwaitMetric("lossd_inflight_bytes", 0, absl::Seconds(30));
  const absl::Duration held = RealClock().TimeNow() - start;
  std::cout << absl::StrFormat("slow readers: bytes in flight for %.2f s\n", absl::ToDoubleSeconds(held));
  EXPECT_LT(held, Siege::kCutOff + absl::Seconds(1));  // The computations take a part of the second.
  EXPECT_LT(siege.Megabytes(), kReadersInflight / 1e6 + kMegabytes);
  siege.Lift();
}

TEST_P(SlowTransferTest, SlowReadersDoNotKeepTheServerFromStopping) {
  Siege siege({.tls = Tls(), .flags = FlagsForReaders()});
  siege.Add(siege.serving_address(), SlowReader("/lossd.v1.LossService/Compute"), true, 3);
  siege.Add(siege.serving_address(), SlowReader(kComputeStream), true, 3);
  siege.AwaitSent();
  siege.Hold("slow readers at the end", Siege::kTransferTimeout / 4);
  const absl::Time start = RealClock().TimeNow();
  EXPECT_EQ(siege.server().process().Stop(), 0);
  const absl::Duration stopping = RealClock().TimeNow() - start;
  std::cout << absl::StrFormat("slow readers: stopped after %.2f s\n", absl::ToDoubleSeconds(stopping));
  EXPECT_LT(stopping, absl::Seconds(4));  // --shutdown_timeout and a second.
}

// 256 calls on each of 100 connections that have no window for an answer.
void AddIdleCalls(Siege& siege, const std::string& address, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    RoguePlan plan;
    plan.path = path;
    plan.calls = 256;
    plan.window = 0;
    plan.opens_windows = false;
    if (path != kComputeStream) plan.announced = 0;  // An empty message is a question that all of them answer.
    plan.half_close = path == "/lossd.v1.LossService/GetServerInfo";
    siege.Add(address, plan, false, 100 / static_cast<int>(paths.size()));
  }
}

const std::vector<std::string>& IdlePaths() {
  static const auto* const paths = new std::vector<std::string>{
      "/grpc.health.v1.Health/Watch", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", kComputeStream,
      "/lossd.v1.LossService/GetServerInfo"};
  return *paths;
}

// Memory is bounded, and most of the calls are refused or have ended. gRPC makes each of them before anybody can refuse
// it, 16 KB at a time; a burst holds as much until it has been refused.
void ExpectCheap(Siege& siege, const std::vector<Ending>& endings, double megabytes = 25'600 * 16'384 / 1e6) {
  EXPECT_LT(siege.Megabytes(), megabytes);
  const auto is_open = [](const Ending& ending) { return ending.how == Ending::How::kOpen; };
  EXPECT_LT(std::count_if(endings.begin(), endings.end(), is_open), static_cast<int64_t>(endings.size() / 10));
  siege.Lift();
}

TEST_P(SlowTransferTest, IdleCallsByTheThousandCostLittle) {
  Siege siege({.tls = Tls(), .flags = {"--max_concurrent_calls=16"}});
  AddIdleCalls(siege, siege.serving_address(), IdlePaths());
  ExpectCheap(siege, siege.Hold("25,600 idle calls without a token", Siege::kCutOff));
}

TEST_P(SlowTransferTest, IdleCallsOnTheAdminPortCostLittle) {
  Siege siege({.tls = Tls(), .flags = {"--max_concurrent_calls=16"}});
  AddIdleCalls(siege, siege.admin_address(), {IdlePaths()[0], IdlePaths()[1]});
  ExpectCheap(siege, siege.Hold("25,600 idle calls on the admin port", Siege::kCutOff), kMegabytes);
}

// Where anybody may call, they take all places, but no more memory.
TEST_P(SlowTransferTest, IdleCallsOfAServerWithoutTokensTakePlacesAndLittleElse) {
  Siege siege({.tls = Tls(), .tokens = false, .flags = {"--max_concurrent_calls=16"}});
  AddIdleCalls(siege, siege.serving_address(), IdlePaths());
  ExpectCheap(siege, siege.Endure("25,600 idle calls of a server without tokens", Siege::kCutOff));
}

std::string TlsName(const ::testing::TestParamInfo<bool>& info) { return info.param ? "Tls" : "Plain"; }

INSTANTIATE_TEST_SUITE_P(All, SlowTransferTest, ::testing::Bool(), TlsName);

}  // namespace
}  // namespace lossd::testing
