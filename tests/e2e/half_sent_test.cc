// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Messages that do not come to their end, of every method, on both ports, plain and over TLS, with and without a token,
// against the real binary: each call is cut off in time, memory stays bounded, and another client is served.

#include <algorithm>
#include <cstdint>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/siege.h"
#include "tests/support/http2/frames.h"

namespace lossd::testing {
namespace {

constexpr int64_t kMaxInflight = 100'000'000;
constexpr double kPromptMegabytes = 150;  // Over idle, of all methods that compute nothing together.
constexpr double kComputeMegabytes = kMaxInflight / 1e6 + 100;
constexpr absl::Duration kPatience = absl::Seconds(4);  // Until a call counts as never cut off.

constexpr char kCheck[] = "/grpc.health.v1.Health/Check";
constexpr char kCompute[] = "/lossd.v1.LossService/Compute";
constexpr char kComputeStream[] = "/lossd.v1.LossService/ComputeStream";
constexpr char kWatch[] = "/grpc.health.v1.Health/Watch";
constexpr char kInfo[] = "/lossd.v1.LossService/GetServerInfo";
constexpr char kReflection[] = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
constexpr char kOldReflection[] = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
constexpr char kUnknown[] = "/nobody.knows/This";
constexpr char kChannelz[] = "/grpc.channelz.v1.Channelz/GetTopChannels";

enum class Port { kServing, kAdmin };

// What calls of every method do at once, on so many connections each, with a token and without; on half as many over
// TLS, where each takes a tenth of a megabyte and milliseconds of both ends for itself.
struct Attack {
  std::string name;
  std::vector<RoguePlan> plans;
  int connections = 1;
};

void PrintTo(const Attack& attack, std::ostream* out) { *out << attack.name; }

std::vector<std::string> PromptMethods(Port port) {
  if (port == Port::kServing) return {kCheck, kWatch, kInfo, kReflection, kOldReflection, kUnknown};
  return {kCheck, kWatch, kReflection, kOldReflection, kChannelz, kCompute, kUnknown};
}

// Streams whose clients say nothing, which is their right.
bool MayBeIdle(const Ending& ending) {
  return ending.sent == 0 &&
         (absl::StrContains(ending.path, "ComputeStream") || absl::StrContains(ending.path, "Reflection"));
}

class HalfSentTest : public ::testing::TestWithParam<std::tuple<Attack, Port, bool>> {
 protected:
  void Hold(const std::vector<std::string>& methods, double megabytes) {
    const auto& [attack, port, tls] = GetParam();
    Siege siege(
        {.tls = tls, .flags = {"--max_message_bytes=67108864", absl::StrCat("--max_inflight_bytes=", kMaxInflight)}});
    const std::string& address = port == Port::kServing ? siege.serving_address() : siege.admin_address();
    for (const std::string& method : methods) {
      for (RoguePlan plan : attack.plans) {
        plan.path = method;
        const int connections = tls ? (attack.connections + 1) / 2 : attack.connections;
        for (const bool with_token : {false, true}) siege.Add(address, plan, with_token, connections);
      }
    }
    std::vector<Ending> endings = siege.Hold(attack.name, kPatience);
    endings.erase(std::remove_if(endings.begin(), endings.end(), MayBeIdle), endings.end());
    ExpectCutOff(endings);
    EXPECT_LT(siege.Megabytes(), megabytes);
    siege.Lift();
  }
};

class HalfSentPromptTest : public HalfSentTest {};
class HalfSentComputeTest : public HalfSentTest {};

TEST_P(HalfSentPromptTest, IsCutOffWithinBounds) { Hold(PromptMethods(std::get<1>(GetParam())), kPromptMegabytes); }

TEST_P(HalfSentComputeTest, IsCutOffWithinBounds) { Hold({kCompute, kComputeStream}, kComputeMegabytes); }

RoguePlan HalfSent(const std::string& name, uint32_t announced, int64_t sent) {
  RoguePlan plan;
  plan.name = name;
  plan.announced = announced;
  plan.sent = sent;
  return plan;
}

// What costs next to nothing and has no end, or one that is wrong.
std::vector<RoguePlan> Trickles(uint32_t announced) {
  RoguePlan nothing;
  nothing.name = "nothing behind the headers";
  RoguePlan slow = HalfSent("1 KB a second", announced, announced - 1);
  slow.bytes_per_second = 1'024;
  RoguePlan shorter = HalfSent("less than announced", 1'000, 500);
  RoguePlan longer = HalfSent("more than announced", 100, 1'000);
  shorter.half_close = longer.half_close = true;
  return {nothing, slow, shorter, longer, HalfSent("announced and never sent", announced, 0)};
}

RoguePlan AllButAByte(uint32_t announced) {
  return HalfSent(absl::StrCat("all but a byte of ", announced), announced, announced - 1);
}

const std::vector<Attack>& PromptAttacks() {
  static const auto* const attacks = new std::vector<Attack>{
      {"Trickles", Trickles(60'000), 4},
      {"AllButAByteOf858Megabytes", {AllButAByte(858'000'000)}, 1},
      {"AThousandAtATime", {AllButAByte(60'000)}, 80},
  };
  return *attacks;
}

const std::vector<Attack>& ComputeAttacks() {
  static const auto* const attacks = new std::vector<Attack>{
      {"Trickles", Trickles(60'000'000), 4},
      {"AllButAByteOf19Megabytes", {AllButAByte(19'000'000)}, 6},
      {"AllButAByteOf60Megabytes", {AllButAByte(60'000'000)}, 6},
      {"AllButAByteOf858Megabytes", {AllButAByte(858'000'000)}, 1},
      {"AThousandAtATime", {AllButAByte(60'000)}, 250},
  };
  return *attacks;
}

std::string Name(const ::testing::TestParamInfo<HalfSentTest::ParamType>& info) {
  const auto& [attack, port, tls] = info.param;
  return absl::StrCat(attack.name, port == Port::kServing ? "_Serving" : "_Admin", tls ? "_Tls" : "_Plain");
}

INSTANTIATE_TEST_SUITE_P(All, HalfSentPromptTest,
                         ::testing::Combine(::testing::ValuesIn(PromptAttacks()),
                                            ::testing::Values(Port::kServing, Port::kAdmin), ::testing::Bool()),
                         Name);

INSTANTIATE_TEST_SUITE_P(All, HalfSentComputeTest,
                         ::testing::Combine(::testing::ValuesIn(ComputeAttacks()), ::testing::Values(Port::kServing),
                                            ::testing::Bool()),
                         Name);

}  // namespace
}  // namespace lossd::testing
