// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <atomic>
#include <fstream>
#include <iterator>

#include "client/load/load_report.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/lossctl_fixture.h"

namespace lossd::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LoadShapeFlagsTest : public LossctlTest {
 protected:
  // Runs with `flags`, and reads the report.
  load::LoadReport Load(std::vector<std::string> flags) {
    flags.insert(flags.begin(),
                 {"load", "--loss", "squared_norm", "--shape", "2", "--warmup", "0s", "--json", File("report.json")});
    exit_code_ = RunOnServer(std::move(flags));
    std::ifstream file(File("report.json"));
    const auto report = load::ReportFromJson(std::string(std::istreambuf_iterator<char>(file), {}));
    EXPECT_OK(report.status()) << err_.str();
    return report.ok() ? *report : load::LoadReport{};
  }
  std::vector<std::string> LevelsOf(std::vector<std::string> flags) {
    flags.insert(flags.end(), {"--duration", "20ms"});
    std::vector<std::string> names;
    for (const load::LevelFigures& level : Load(std::move(flags)).levels) names.push_back(level.name);
    return names;
  }
  // The usage error of `flags`.
  std::string Refusal(std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"load", "--loss", "squared_norm", "--shape", "2"});
    EXPECT_EQ(RunOnServer(std::move(flags)), kExitUsage);
    return err_.str();
  }

  int exit_code_ = -1;
};

TEST_F(LoadShapeFlagsTest, SweepsOfConcurrencyMeasureBothEnds) {
  EXPECT_THAT(LevelsOf({"--concurrency", "1:3"}), ElementsAre("concurrency 1", "concurrency 2", "concurrency 3"));
  EXPECT_THAT(LevelsOf({"--concurrency", "1:4:*4"}), ElementsAre("concurrency 1", "concurrency 4"));
  EXPECT_THAT(LevelsOf({}), ElementsAre("concurrency 1"));
}

TEST_F(LoadShapeFlagsTest, RatesAreOneLevelOrSeveralOrARamp) {
  EXPECT_THAT(LevelsOf({"--rate", "500"}), ElementsAre("rate 500"));
  EXPECT_THAT(LevelsOf({"--rate", "500:700:100"}), ElementsAre("rate 500", "rate 600", "rate 700"));
  EXPECT_THAT(LevelsOf({"--rate", "700:500"}), ElementsAre("rate 700:500"));
}

TEST_F(LoadShapeFlagsTest, ADurationIsDividedIntoWholeWindows) {
  const load::LoadReport report = Load({"--duration", "50ms", "--window", "20ms"});
  ASSERT_EQ(report.levels.size(), 1u);
  EXPECT_EQ(report.levels[0].windows.size(), 3u);
}

TEST_F(LoadShapeFlagsTest, SoManyCallsAreMade) {
  std::atomic<int> calls = 0;
  server_.service.on_compute = [&](grpc::ServerContext*, const v1::ComputeRequest& request,
                                   v1::ComputeResponse* response) {
    ++calls;
    return client::AnswerSquaredNorm(request, response);
  };
  const load::LoadReport report = Load({"--calls", "25", "--concurrency", "1:4:*4"});
  ASSERT_EQ(report.levels.size(), 2u);
  for (const load::LevelFigures& level : report.levels) {
    EXPECT_EQ(level.succeeded, 25);
    EXPECT_GT(level.goodput_per_second, 0);
  }
  EXPECT_EQ(calls, 1 + 2 * 25) << "and the one before the load";
  EXPECT_EQ(Load({"--calls", "2", "--concurrency", "8"}).levels.at(0).succeeded, 2);
  EXPECT_THAT(Refusal({"--calls", "2", "--rate", "8"}), HasSubstr("--calls: expected without --rate"));
  EXPECT_THAT(Refusal({"--calls", "2", "--duration", "8s"}), HasSubstr("--calls: expected without --duration"));
}

TEST_F(LoadShapeFlagsTest, MoreThanAllCallsCannotFail) {
  EXPECT_THAT(Refusal({"--max-error-rate", "200%"}), HasSubstr("--max-error-rate: expected at most 100 %, got '200%'"));
  EXPECT_THAT(Refusal({"--max-error-rate", "1.01"}), HasSubstr("--max-error-rate: expected at most 100 %"));
  Load({"--max-error-rate", "100%", "--calls", "2"});
  EXPECT_EQ(exit_code_, kExitOk) << err_.str();
}

TEST_F(LoadShapeFlagsTest, StableWindowsEndTheMeasurement) {
  const load::LoadReport report =
      Load({"--window", "20ms", "--stable-windows", "2", "--max-windows", "3", "--stability", "0%"});
  EXPECT_EQ(report.levels.at(0).windows.size(), 3u);
  EXPECT_FALSE(report.levels.at(0).stable);
  EXPECT_THAT(out_.str(), HasSubstr("did not become stable"));
}

TEST_F(LoadShapeFlagsTest, ArrivalsBeyondTheLimitAreSkippedOrWait) {
  server_.service.on_compute = [](grpc::ServerContext*, const v1::ComputeRequest& request,
                                  v1::ComputeResponse* response) {
    volatile double spin = 0;
    for (int i = 0; i < 2000000; ++i) spin = spin + 1;  // Some milliseconds.
    return client::AnswerSquaredNorm(request, response);
  };
  const std::vector<std::string> flags = {"--rate", "2000", "--max-outstanding", "1", "--duration", "200ms"};
  EXPECT_GT(Load(flags).levels.at(0).skipped, 0);
  EXPECT_EQ(exit_code_, kExitFailure);
  std::vector<std::string> waiting = flags;
  waiting.insert(waiting.end(), {"--when-full", "wait"});
  const load::LoadReport report = Load(waiting);
  EXPECT_GT(report.levels.at(0).unstarted, 0) << "what waits when the level ends";
  EXPECT_EQ(report.levels.at(0).skipped, report.levels.at(0).unstarted);
  EXPECT_NEAR(report.levels.at(0).offered_per_second, 2000, 5.01) << "all that were due but the one at the very end";
  EXPECT_EQ(report.setup.at("when_full"), "wait");
}

TEST_F(LoadShapeFlagsTest, ContradictionsAreUsageErrors) {
  EXPECT_THAT(Refusal({"--rate", "5", "--concurrency", "2"}), HasSubstr("--rate: expected without --concurrency"));
  EXPECT_THAT(Refusal({"--rate", "5:10"}), HasSubstr("--rate: expected --duration or a step"));
  EXPECT_THAT(Refusal({"--concurrency", "9:3"}), HasSubstr("--concurrency: expected a range that rises"));
  EXPECT_THAT(Refusal({"--find-max"}), HasSubstr("--find-max: expected --slo-p99"));
  EXPECT_THAT(Refusal({"--find-max", "--slo-p99", "1ms", "--concurrency", "1:8:2"}), HasSubstr("no step"));
  EXPECT_THAT(Refusal({"--chaos", "slow-reader"}), HasSubstr("with --stream"));
  EXPECT_THAT(Refusal({"--chaos", "cancel", "--stream"}), HasSubstr("without --stream"));
  EXPECT_THAT(Refusal({"--chaos", "disconnect", "--tls"}), HasSubstr("--chaos disconnect: expected without --tls"));
  EXPECT_THAT(Refusal({"--chaos", "earthquake"}), HasSubstr("--chaos"));
  EXPECT_THAT(Refusal({"--window", "1ms"}), HasSubstr("--window: expected at least 10ms"));
  EXPECT_THAT(Refusal({"--duration", "1ms"}), HasSubstr("--duration: expected at least 10ms"));
  EXPECT_THAT(Refusal({"--when-full", "panic"}), HasSubstr("--when-full"));
  EXPECT_THAT(Refusal({"--arrivals", "poisson"}), HasSubstr("--arrivals: expected with --rate"));
  EXPECT_THAT(Refusal({"--max-outstanding", "5"}), HasSubstr("--max-outstanding: expected with --rate"));
  EXPECT_THAT(Refusal({"--when-full", "wait"}), HasSubstr("--when-full: expected with --rate"));
  EXPECT_THAT(Refusal({"--rate", "5", "--when-refused", "again"}),
              HasSubstr("--when-refused: expected without --rate"));
  EXPECT_THAT(Refusal({"--when-refused", "weep"}), HasSubstr("--when-refused"));
  EXPECT_THAT(Refusal({"--metrics-url", "localhost:9090"}), HasSubstr("--metrics-url: expected http://host:port"));
}

TEST_F(LoadShapeFlagsTest, NumbersOfCallsAreWholeAndBounded) {
  for (const char* calls : {"0.5", "2.7", "1:2.5", "1:9:0.5", "1000001", "1:1e9"}) {
    EXPECT_THAT(Refusal({"--concurrency", calls}),
                HasSubstr("--concurrency: expected whole numbers of at most 1000000"));
  }
  EXPECT_THAT(Refusal({"--rate", "1", "--max-outstanding", "1000001"}), HasSubstr("--max-outstanding"));
  EXPECT_THAT(Refusal({"--verify", "0"}), HasSubstr("expected a whole number of at least 1, got '0'"));
}

}  // namespace
}  // namespace lossd::cli
