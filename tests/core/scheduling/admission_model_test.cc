// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What policies of admission lead to when a budget is full, in a model of the server.

#include "tests/core/scheduling/admission_model.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/sanitizers.h"

namespace lossd::testing {
namespace {

constexpr int64_t kGibibyte = int64_t{1} << 30;
constexpr absl::Duration kWarmup = absl::Seconds(kSanitized ? 1 : 2);
constexpr absl::Duration kMeasured = absl::Seconds(kSanitized ? 2 : 16);  // Of a closed loop.
using MakePolicy = std::unique_ptr<AdmissionPolicy> (*)(int64_t max_bytes, int64_t max_calls, Clock& clock);

// squared_norm over `bytes` of float32: as much comes back, and the computation is quick.
CallShape Norm(int64_t bytes) {
  return {"squared_norm", bytes, 2 * bytes, bytes, absl::Seconds(static_cast<double>(bytes) / 5e9)};
}

// feature_map_contrastive over an anchor and a positive of [64, 256, 7, 7]: 6.4 MB, and as much again twice.
CallShape Maps() { return {"feature_map_contrastive", 6'422'528, 19'267'584, 6'422'528, absl::Milliseconds(8)}; }

// Closed loops of calls of one shape against a budget.
struct Closed {
  CallShape shape;
  int64_t max_bytes = 2 * kGibibyte;
  bool honours_pushback = false;

  // So many clients, one after the other each, with a policy that may have seen others before.
  ModelResult Run(AdmissionPolicy& policy, SimulatedClock& clock, int clients) const {
    ModelOptions options;
    options.clients = clients;
    options.next = [this](int, std::mt19937&) { return shape; };
    options.honours_pushback = honours_pushback;
    options.round_trip = absl::Milliseconds(1);
    const ModelResult result = AdmissionModel(options, policy, &clock).Run(kWarmup, kMeasured);
    std::cout << absl::StrFormat("%s of %d MB, %d at a time: %s\n", shape.loss, shape.message_bytes / 1'000'000,
                                 clients, Describe(result));
    return result;
  }

  // The same with one number of clients after the other.
  std::map<int, ModelResult> Levels(MakePolicy make, const std::vector<int>& levels) const {
    SimulatedClock clock;
    const std::unique_ptr<AdmissionPolicy> policy = make(max_bytes, 1024, clock);
    std::map<int, ModelResult> results;
    for (const int clients : levels) results[clients] = Run(*policy, clock, clients);
    return results;
  }
};

const Closed kNorms = {Norm(64 << 20)};
const Closed kLargeNorms = {Norm(240'000'000), kGibibyte};
const Closed kMaps = {Maps()};

double BestGoodput(const std::map<int, ModelResult>& results) {
  double best = 0;
  for (const auto& [clients, result] : results) best = std::max(best, result.goodput());
  return best;
}

// What the server did, as seen on the real one: 18.5, 23.3, 21.9, 9.6 and 0.9 answers a second.
TEST(MeanMessagePolicyTest, CollapsesUnderLargeMessages) {
  const auto results = kNorms.Levels(MeanMessagePolicy, {1, 4, 16, 32, 64});
  EXPECT_LT(results.at(64).goodput(), 0.1 * BestGoodput(results));
  EXPECT_GT(results.at(64).vain_share(), 0.9);
}

TEST(MeanMessagePolicyTest, CollapsesUnderMessagesOfAQuarterOfTheBudget) {
  const auto results = kLargeNorms.Levels(MeanMessagePolicy, {1, 4, 16});
  EXPECT_LT(results.at(16).goodput(), 0.5 * BestGoodput(results));
  EXPECT_GT(results.at(16).vain_share(), 0.5);
}

TEST(MeanMessagePolicyTest, ReadsHalfOfManyMessagesInVain) {
  EXPECT_GT(kMaps.Levels(MeanMessagePolicy, {1, 256}).at(256).vain_share(), 0.4);
}

void ExpectGoodputSurvives(const Closed& loop) {
  const auto results = loop.Levels(ServerPolicy, {1, 4, 16, 64, 256});
  for (const int clients : {64, 256}) {
    const ModelResult& result = results.at(clients);
    const double last = 1 / absl::ToDoubleSeconds(result.length);  // One that the end of the time has cut off.
    EXPECT_GT(result.goodput() + last, 0.9 * BestGoodput(results)) << clients << " at a time";
    EXPECT_LT(result.vain_share(), 0.05) << clients << " at a time";
    EXPECT_EQ(result.reset, 0) << clients << " at a time";
  }
}

TEST(ServerPolicyTest, GoodputOfLargeMessagesSurvivesAFullBudget) { ExpectGoodputSurvives(kNorms); }
TEST(ServerPolicyTest, GoodputOfMessagesOfAQuarterOfTheBudgetSurvives) { ExpectGoodputSurvives(kLargeNorms); }
TEST(ServerPolicyTest, GoodputOfManyMapsSurvivesAFullBudget) { ExpectGoodputSurvives(kMaps); }
TEST(ServerPolicyTest, GoodputSurvivesWhereClientsHonourPushback) {
  Closed loop = kNorms;
  loop.honours_pushback = true;
  ExpectGoodputSurvives(loop);
}

// A server that has seen no message yet, and 64 of 64 MB at once.
TEST(ServerPolicyTest, AColdStartUnderFullLoadRecovers) {
  const auto warm = kNorms.Levels(ServerPolicy, {4});
  const auto cold = kNorms.Levels(ServerPolicy, {64});
  EXPECT_GT(cold.at(64).goodput(), 0.9 * warm.at(4).goodput());
  EXPECT_LT(cold.at(64).vain_share(), 0.05);
}

// Calls of several losses and of sizes between a kilobyte and 64 MB, now and then from clients on slow lines.
CallShape Mixed(std::mt19937& random) {
  const double size = std::exp(std::uniform_real_distribution<double>(7, 18)(random));
  CallShape shape = Norm(static_cast<int64_t>(size));
  const auto kind = static_cast<int64_t>(random() % 3);
  shape.loss = absl::StrCat("loss ", kind);
  shape.plan_bytes += kind * shape.message_bytes;
  shape.compute *= 1 + kind;
  if (random() % 10 == 0) shape.bytes_per_second = 2e7;
  return shape;
}

TEST(ServerPolicyTest, MixedCallsAtTwiceTheCapacityAreServedAtCapacity) {
  ModelOptions options;
  options.clients = 64;
  options.connections = 16;
  options.next = [](int, std::mt19937& random) { return Mixed(random); };
  double best = 0;
  for (const uint32_t seed : {1u, 2u, 3u}) {
    options.seed = seed;
    options.arrivals_per_second = std::nullopt;
    options.clients = 8;
    const auto closed_policy = ServerPolicy(kGibibyte / 4, 1024);
    const ModelResult closed = AdmissionModel(options, *closed_policy).Run(absl::Seconds(2), absl::Seconds(8));
    best = closed.goodput();
    options.clients = 64;
    options.arrivals_per_second = 2 * best;
    const auto policy = ServerPolicy(kGibibyte / 4, 1024);
    const ModelResult open = AdmissionModel(options, *policy).Run(absl::Seconds(2), absl::Seconds(8));
    std::cout << absl::StrFormat("mixed, closed: %s\nmixed, open at twice that: %s\n", Describe(closed),
                                 Describe(open));
    EXPECT_GT(open.goodput(), 0.9 * best);
  }
}

// Nothing that clients send first may raise what is held later: the bound is never exceeded by more than one message a
// connection.
class ServerPolicyPropertyTest : public ::testing::TestWithParam<uint32_t> {};

void ExpectBounded(const ModelOptions& options, int64_t max_bytes, int connections, int64_t largest_message,
                   absl::Duration length) {
  const auto policy = ServerPolicy(max_bytes, 1024);
  const ModelResult result = AdmissionModel(options, *policy).Run(absl::ZeroDuration(), length);
  std::cout << absl::StrFormat("seed %d: %s\n", options.seed, Describe(result));
  EXPECT_LE(result.peak_resident, max_bytes + connections * largest_message);
  EXPECT_LE(result.peak_held, max_bytes);
}

TEST_P(ServerPolicyPropertyTest, SmallMessagesDoNotLetHugeOnesIn) {
  constexpr int64_t kHuge = int64_t{256} << 20;
  ModelOptions options;
  options.clients = 512;
  options.connections = 4 + static_cast<int>(GetParam() % 4);  // As many as --max_concurrent_streams lets in.
  options.transport_bytes = int64_t{1} << 40;                  // The quota does not help.
  options.seed = GetParam();
  options.link_bytes_per_second = 1e11;
  options.round_trip = absl::Milliseconds(5);
  auto small = std::make_shared<std::map<int, int>>();
  options.next = [small](int client, std::mt19937&) { return (*small)[client]++ < 1 ? Norm(240) : Norm(kHuge); };
  ExpectBounded(options, 2 * kGibibyte, options.connections, kHuge, absl::Milliseconds(100));
}

TEST_P(ServerPolicyPropertyTest, NoMixtureOfCallsExceedsTheBound) {
  std::mt19937 random(GetParam());
  ModelOptions options;
  options.clients = 1 + static_cast<int>(random() % 256);
  options.connections = 1 + static_cast<int>(random() % 16);
  options.transport_bytes = int64_t{1} << 40;
  options.seed = GetParam();
  options.honours_pushback = random() % 2 == 0;
  options.round_trip = absl::Milliseconds(5);
  const auto period = static_cast<uint32_t>(1 + random() % 200);
  auto calls = std::make_shared<uint32_t>(0);
  options.next = [calls, period](int, std::mt19937& r) {
    return (*calls)++ / period % 2 == 0 ? Norm(1 + r() % 1000) : Mixed(r);
  };
  ExpectBounded(options, kGibibyte / 4, options.connections, 66'000'000, absl::Seconds(2));
}

INSTANTIATE_TEST_SUITE_P(Seeds, ServerPolicyPropertyTest, ::testing::Range(1u, 5u));

}  // namespace
}  // namespace lossd::testing
