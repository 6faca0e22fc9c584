// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/load_setup.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/load/load_fixture.h"

namespace lossd::load {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST(LoadSetupTest, NamesWhatFiguresDependOn) {
  client::FakeServer server;
  server.service.info.set_version("1.2.3");
  server.service.info.mutable_limits()->set_max_concurrent_calls(7);
  LoadPlan plan = SmallPlan(server.target());
  plan.engine.client.channels = 2;
  plan.engine.threads = 8;
  plan.levels[0].arrivals = ArrivalOptions{5, 5, absl::ZeroDuration(), true};
  plan.seed = 11;
  const nlohmann::json setup = SetupOf(plan, SmallEncodedRequest());
  EXPECT_EQ(setup.at("loss"), "squared_norm");
  EXPECT_EQ(setup.at("dtype"), "FLOAT32");
  EXPECT_THAT(setup.at("inputs"), ElementsAre("x.0 FLOAT32 [2]"));
  EXPECT_EQ(setup.at("connections"), 2);
  EXPECT_EQ(setup.at("threads"), 2);
  EXPECT_EQ(setup.at("stream"), false);
  EXPECT_EQ(setup.at("transport"), "tcp");
  EXPECT_EQ(setup.at("loop"), "open");
  EXPECT_EQ(setup.at("arrivals"), "poisson");
  EXPECT_EQ(setup.at("seed"), 11);
  EXPECT_EQ(setup.at("chaos"), "none");
  EXPECT_EQ(setup.at("server_version"), "1.2.3");
  EXPECT_EQ(setup.at("server_limits").at("max_concurrent_calls"), 7);
}

TEST(LoadSetupTest, AServerThatTellsNothingIsLeftOut) {
  const LoadPlan plan = SmallPlan("unix:/nowhere");
  const nlohmann::json setup = SetupOf(plan, SmallEncodedRequest());
  EXPECT_EQ(setup.at("transport"), "unix");
  EXPECT_FALSE(setup.contains("server_version"));
}

TEST(LoadSetupTest, FingerprintsTellRequestsApart) {
  const LoadPlan plan = SmallPlan("unix:/nowhere");
  client::ComputeRequest other = SmallRequest();
  other.gradients.scale = 2;
  const auto encoded = LoadRequest::Encode(other, std::nullopt);
  ASSERT_OK(encoded.status());
  const auto first = SetupOf(plan, SmallEncodedRequest()), again = SetupOf(plan, SmallEncodedRequest());
  EXPECT_EQ(first.at("request_fingerprint"), again.at("request_fingerprint"));
  EXPECT_NE(first.at("request_fingerprint"), SetupOf(plan, *encoded).at("request_fingerprint"));
}

TEST(LoadSetupTest, DifferencesAreNamed) {
  const nlohmann::json before = {
      {"threads", 1}, {"stream", false}, {"server_flags", {{"threads", "2"}, {"listen", "a"}}}};
  nlohmann::json now = before;
  EXPECT_THAT(SetupDifferences(before, now), IsEmpty());
  now["server_flags"]["listen"] = "b";  // Where it listens is no matter.
  EXPECT_THAT(SetupDifferences(before, now), IsEmpty());
  now["threads"] = 2;
  now["server_flags"]["threads"] = "1";
  now["tls"] = true;
  now.erase("stream");
  EXPECT_THAT(SetupDifferences(before, now),
              UnorderedElementsAre("threads: 1 in the baseline, 2 now", "stream: false in the baseline, not known now",
                                   HasSubstr("server_flags/threads: \"2\" in the baseline"),
                                   "tls: not known in the baseline, true now"));
}

TEST(LoadSetupTest, FlagsThatOnlyOneRunKnewAreOneDifference) {
  const nlohmann::json before = {{"server_flags", {{"threads", "2"}, {"device", "cpu"}}}};
  EXPECT_THAT(SetupDifferences(before, {{"loop", "open"}}),
              UnorderedElementsAre("server_flags: known in the baseline, not known now", HasSubstr("loop")));
}

TEST(LoadSetupTest, AnOldBaselineHasNoDifferences) {
  EXPECT_THAT(SetupDifferences(nlohmann::json::object(), {{"threads", 1}}), IsEmpty());
}

}  // namespace
}  // namespace lossd::load
