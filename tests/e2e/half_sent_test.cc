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

namespace lossd::testing {
namespace {

constexpr int64_t kMaxInflight = 100'000'000;
constexpr double kPromptMegabytes = 150;  // Over idle, of all methods that compute nothing together.
constexpr double kComputeMegabytes = kMaxInflight / 1e6 + 150;
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

// What each of the calls does.
struct Attempt {
  std::string name;
  RoguePlan plan;
  int connections = 1;  // For each method, with a token and without.
};

void PrintTo(const Attempt& attempt, std::ostream* out) { *out << attempt.name; }

std::vector<std::string> PromptMethods(Port port) {
  if (port == Port::kServing) return {kCheck, kWatch, kInfo, kReflection, kOldReflection, kUnknown};
  return {kCheck, kWatch, kReflection, kOldReflection, kChannelz, kCompute, kUnknown};
}

// Streams whose clients say nothing, which is their right.
bool MayBeIdle(const Ending& ending) {
  return ending.sent == 0 && (absl::StrContains(ending.path, "Stream") || absl::StrContains(ending.path, "Reflection"));
}

class HalfSentTest : public ::testing::TestWithParam<std::tuple<Attempt, Port, bool>> {
 protected:
  void Attack(const std::vector<std::string>& methods, double megabytes) {
    const auto& [attempt, port, tls] = GetParam();
    Siege siege(
        {.tls = tls, .flags = {"--max_message_bytes=67108864", absl::StrCat("--max_inflight_bytes=", kMaxInflight)}});
    for (const std::string& method : methods) {
      RoguePlan plan = attempt.plan;
      plan.path = method;
      const std::string& address = port == Port::kServing ? siege.serving_address() : siege.admin_address();
      for (const bool with_token : {false, true}) siege.Add(address, plan, with_token, attempt.connections);
    }
    std::vector<Ending> endings = siege.Hold(attempt.name, kPatience);
    endings.erase(std::remove_if(endings.begin(), endings.end(), MayBeIdle), endings.end());
    ExpectCutOff(endings);
    EXPECT_LT(siege.Megabytes(), megabytes);
    siege.Lift();
  }
};

class HalfSentPromptTest : public HalfSentTest {};
class HalfSentComputeTest : public HalfSentTest {};

TEST_P(HalfSentPromptTest, IsCutOffWithinBounds) { Attack(PromptMethods(std::get<1>(GetParam())), kPromptMegabytes); }

TEST_P(HalfSentComputeTest, IsCutOffWithinBounds) { Attack({kCompute, kComputeStream}, kComputeMegabytes); }

RoguePlan HalfSent(uint32_t announced, int64_t sent, bool half_close = false, int64_t bytes_per_second = 0) {
  RoguePlan plan;
  plan.announced = announced;
  plan.sent = sent;
  plan.half_close = half_close;
  plan.bytes_per_second = bytes_per_second;
  return plan;
}

const std::vector<Attempt>& PromptAttacks() {
  static const auto* const attacks = new std::vector<Attempt>{
      {"NothingBehindTheHeaders", RoguePlan(), 4},
      {"AnnouncedAndNeverSent", HalfSent(60'000, 0), 8},
      {"AllButAByteOf60Kilobytes", HalfSent(60'000, 59'999), 25},
      {"AllButAByteOf858Megabytes", HalfSent(858'000'000, 857'999'999), 1},
      {"OneKilobyteASecond", HalfSent(60'000, 59'999, false, 1'024), 4},
      {"LessThanAnnounced", HalfSent(1'000, 500, true), 4},
      {"MoreThanAnnounced", HalfSent(100, 1'000, true), 4},
      {"AThousandAtATime", HalfSent(60'000, 59'999), 80},
  };
  return *attacks;
}

const std::vector<Attempt>& ComputeAttacks() {
  static const auto* const attacks = new std::vector<Attempt>{
      {"NothingBehindTheHeaders", RoguePlan(), 4},
      {"AnnouncedAndNeverSent", HalfSent(60'000'000, 0), 4},
      {"AllButAByteOf19Megabytes", HalfSent(19'000'000, 18'999'999), 6},
      {"AllButAByteOf60Megabytes", HalfSent(60'000'000, 59'999'999), 6},
      {"AllButAByteOf858Megabytes", HalfSent(858'000'000, 857'999'999), 1},
      {"OneKilobyteASecond", HalfSent(1'000'000, 999'999, false, 1'024), 4},
      {"LessThanAnnounced", HalfSent(1'000, 500, true), 4},
      {"MoreThanAnnounced", HalfSent(100, 1'000, true), 4},
      {"AThousandAtATime", HalfSent(60'000, 59'999), 250},
  };
  return *attacks;
}

std::string Name(const ::testing::TestParamInfo<HalfSentTest::ParamType>& info) {
  const auto& [attempt, port, tls] = info.param;
  return absl::StrCat(attempt.name, port == Port::kServing ? "_Serving" : "_Admin", tls ? "_Tls" : "_Plain");
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
